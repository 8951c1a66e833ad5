import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { type Failure, failure, isFailure, type Result, success } from "../base/failure.js";
import type { ResultOf } from "../core/controller/operator/order-results.js";
import type { Order } from "../core/controller/operator/orders.js";
import type { ImageAdded } from "../core/controller/operator/views.js";
import { type SavedBackup, saveBackup } from "./backup-file.js";
import type { OperatorPort } from "./operator-port.js";
import { backupPath, type ImageDescription, type RoutedOrder, requestOf, uploadPath } from "./order-paths.js";

/** The admin API of one daemon. Failures are the controller's own, `controller-unreachable`, `certificate-unknown` or `unexpected-answer`. */
export class AdminClient implements OperatorPort {
  readonly #base: URL;
  readonly #authorization: Readonly<Record<string, string>>;

  /**
   * @param base e.g. `http://127.0.0.1:8080`
   * @param token an API token, or the local one
   */
  constructor(base: URL, token?: string) {
    this.#base = base;
    this.#authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  async order<T extends Order>(order: T): Promise<Result<ResultOf<T["type"]>>> {
    const { method, path, body } = requestOf(order as Order as RoutedOrder);
    const json = body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    return this.#request(path, { method, ...json });
  }

  /**
   * Uploads an image file. A file that is missing, empty or unreadable is refused before a byte moves
   * (`image-file-missing`, `image-file-unreadable`, `image-empty`).
   * @param sent called with the bytes sent so far and their total
   * @param signal gives up half-way: `upload-cancelled`
   */
  async addImage(
    path: string,
    description: Omit<ImageDescription, "fileName" | "bundleBytes"> & { readonly bundle?: Uint8Array | undefined },
    sent: (bytes: number, total: number) => void,
    signal?: AbortSignal,
  ): Promise<Result<ImageAdded>> {
    const file = await openImageFile(path);
    if (!file.ok) return file;
    const { bundle, ...facts } = description;
    const total = (await file.value.stat()).size;
    return this.#request(uploadPath({ ...facts, fileName: basename(path), ...(bundle && { bundleBytes: bundle.length }) }), {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: Readable.toWeb(
        Readable.from(
          withHead(
            bundle,
            counted(file.value.createReadStream({ signal }), (bytes) => sent(bytes, total)),
          ),
        ),
      ) as ReadableStream,
      duplex: "half",
      ...(signal && { signal }),
    });
  }

  /** Takes a backup of what the controller stores. Failures besides the controller's own: those of `saveBackup`. */
  backup(path: string): Promise<Result<SavedBackup>> {
    return this.#request(backupPath, {}, (response) => saveBackup(response, path));
  }

  /** @param take what a good answer comes to, where it is not JSON */
  async #request<T>(path: string, init: RequestInit, take?: (response: Response) => Promise<Result<T>>): Promise<Result<T>> {
    try {
      const response = await fetch(new URL(path, this.#base), { ...init, headers: { ...init.headers, ...this.#authorization } });
      if (response.ok && take !== undefined) return await take(response);
      if (response.status === 204) return success(null as T);
      const body = jsonOf(await response.text());
      if (response.ok && body !== undefined) return success(body as T);
      return { ok: false, failure: isFailure(body) ? body : this.#unexpected(response.status, body) };
    } catch (error) {
      if (init.signal?.aborted) return failure("upload-cancelled", "The upload was cancelled; nothing was stored");
      const cause = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
      const why = cause.message;
      if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(cause.code ?? ""))
        return failure(
          "certificate-unknown",
          `The certificate of ${this.#base.origin} is not trusted (${why}); if it is the controller's own, name its DATA/tls/cert.pem in NODE_EXTRA_CA_CERTS`,
        );
      return failure(
        "controller-unreachable",
        `No controller answers at ${this.#base.origin} (${why}); start one with "flexup controller" or name another with --admin`,
      );
    }
  }

  #unexpected(status: number, body: unknown): Failure {
    const what = body === undefined ? "with something other than JSON; is it a flexup controller?" : "without a reason";
    return { code: "unexpected-answer", message: `${this.#base.origin} answered HTTP ${status} ${what}` };
  }
}

async function openImageFile(path: string): Promise<Result<FileHandle>> {
  try {
    const file = await open(path);
    const facts = await file.stat();
    if (facts.isFile() && facts.size > 0) return success(file);
    await file.close();
    return facts.isFile()
      ? failure("image-empty", `${path} is empty; give the file that the vendor released`)
      : failure("image-file-unreadable", `${path} is not a regular file`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return failure("image-file-missing", `There is no file ${path}`);
    return failure("image-file-unreadable", `${path} cannot be read: ${code === "EACCES" ? "permission denied" : message}`);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function* counted(chunks: AsyncIterable<Uint8Array>, sent: (bytes: number) => void): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    yield chunk;
    sent(bytes);
  }
}

async function* withHead(head: Uint8Array | undefined, rest: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (head !== undefined) yield head;
  yield* rest;
}
