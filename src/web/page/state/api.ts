/** The admin API as this page uses it. Nothing here throws: a result is a value or one sentence that says what to do next. */

import { apiPrefix, type ImageDescription, type RoutedOrder, requestOf, uploadPath } from "../../../admin/order-paths.js";
import { failure, isFailure, type Result, success } from "../../../base/failure.js";
import type { ResultOf } from "../../../core/controller/operator/order-results.js";
import type { ImageAdded } from "../../../core/controller/operator/views.js";

export const liveAddress = `${apiPrefix}/events`;

/** Called when the server no longer knows this login. */
let onLoggedOut: () => void = () => undefined;
export const whenLoggedOut = (listener: () => void): void => {
  onLoggedOut = listener;
};

/** CSRF token, sent with every request that changes something; it comes with the session. */
let csrfToken: string | null = null;
export const useCsrfToken = (token: string | null): void => {
  csrfToken = token;
};

const unreachable = failure(
  "controller-unreachable",
  "The controller does not answer. Check that it is running and reachable from this computer, then try again.",
);

/** @param path below the API's prefix, or a whole one from `requestOf` */
export async function request<T>(method: string, path: string, body?: object): Promise<Result<T>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrfToken !== null) headers["x-csrf-token"] = csrfToken;
  try {
    const response = await fetch(path.startsWith(apiPrefix) ? path : apiPrefix + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return readAnswer<T>(response.status, await response.text());
  } catch {
    return unreachable;
  }
}

/** Gives one order. */
export const order = <T extends RoutedOrder>(what: T): Promise<Result<ResultOf<T["type"]>>> => {
  const { method, path, body } = requestOf(what);
  return request(method, path, body);
};

function readAnswer<T>(status: number, text: string): Result<T> {
  if (status === 401) onLoggedOut();
  let body: unknown = null;
  try {
    if (text !== "") body = JSON.parse(text);
  } catch {
    return failure(
      "unexpected-answer",
      `Something other than the controller answered (HTTP ${status}). Check the address in the browser's address bar.`,
    );
  }
  if (status >= 200 && status < 300) return success(body as T);
  if (isFailure(body)) return { ok: false, failure: body };
  return failure("unexpected-answer", `The controller answered HTTP ${status} without a reason. See its log.`);
}

/** @see image-upload.ts for `bundle`, which proves the file */
export type ImageUpload = Omit<ImageDescription, "fileName" | "bundleBytes"> & { readonly file: File; readonly bundle: File | undefined };

/** `fetch` reports no upload progress, so this is the one place with an XMLHttpRequest. */
export function uploadImage(upload: ImageUpload, sent: (bytes: number) => void): { done: Promise<Result<ImageAdded>>; cancel: () => void } {
  const call = new XMLHttpRequest();
  const { file, bundle, ...description } = upload;
  const done = new Promise<Result<ImageAdded>>((resolve) => {
    call.open("POST", uploadPath({ ...description, fileName: file.name, ...(bundle && { bundleBytes: bundle.size }) }));
    call.setRequestHeader("content-type", "application/octet-stream");
    if (csrfToken !== null) call.setRequestHeader("x-csrf-token", csrfToken);
    call.upload.addEventListener("progress", (event) => sent(event.loaded));
    call.addEventListener("load", () => resolve(readAnswer(call.status, call.responseText)));
    call.addEventListener("error", () => resolve(unreachable));
    call.addEventListener("abort", () => resolve(failure("upload-cancelled", "The upload was cancelled; nothing was stored.")));
    call.send(bundle === undefined ? file : new Blob([bundle, file]));
  });
  return { done, cancel: () => call.abort() };
}
