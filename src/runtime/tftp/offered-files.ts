/** The files that a server offers: each stays open, so a rename changes nothing, until it is withdrawn and its last transfer has ended. */
import { type Result, success } from "../../base/failure.js";
import { type FilePart, type OpenFile, openRegularFile } from "./open-file.js";

export interface OfferSource {
  readonly path: string;
  /** Absent for the whole file. */
  readonly part?: FilePart;
}

export interface OfferedFile extends OpenFile {
  users: number;
  withdrawn: boolean;
  readonly closed: Promise<void>;
  readonly markClosed: () => void;
}

export class OfferedFiles {
  readonly #files = new Map<string, OfferedFile>();
  /** The newest offer of each name that was not withdrawn since: what is asked while a file is being opened is not undone when it is open. */
  readonly #newest = new Map<string, number>();
  #offers = 0;
  #stopped = false;

  /**
   * Opens the file and calls `replace` for the one that had the name, and `offered` with its size. `offered` is false in the result where
   * the name was withdrawn or offered again before the file was open.
   */
  async offer(
    fileName: string,
    { path, part }: OfferSource,
    on: { readonly replace: () => void; readonly offered: (sizeBytes: number) => void },
  ): Promise<Result<{ readonly sizeBytes: number; readonly offered: boolean }>> {
    const offer = ++this.#offers;
    this.#newest.set(fileName, offer);
    const opened = await openRegularFile(path, "r", part);
    if (!opened.ok) return opened;
    const { handle, sizeBytes } = opened.value;
    if (this.#newest.get(fileName) !== offer || this.#stopped) {
      await handle.close();
      return success({ sizeBytes, offered: false });
    }
    on.replace();
    let markClosed: () => void = () => {};
    const closed = new Promise<void>((resolve) => {
      markClosed = resolve;
    });
    this.#files.set(fileName, { ...opened.value, users: 0, withdrawn: false, closed, markClosed });
    on.offered(sizeBytes);
    return success({ sizeBytes, offered: true });
  }

  names(): string[] {
    return [...this.#files.keys()];
  }

  /** No offer that is being opened becomes one. */
  stop(): void {
    this.#stopped = true;
    this.#newest.clear();
  }

  forgetOffer(fileName: string): void {
    this.#newest.delete(fileName);
  }

  /** For a transfer, which must `release` it; undefined where the name is not offered. */
  use(fileName: string): OfferedFile | undefined {
    const file = this.#files.get(fileName);
    if (file !== undefined) file.users++;
    return file;
  }

  release(file: OfferedFile): void {
    file.users--;
    closeUnused(file);
  }

  /** The name is gone; its file closes after the last transfer. */
  remove(fileName: string): OfferedFile | undefined {
    const file = this.#files.get(fileName);
    if (file === undefined) return undefined;
    this.#files.delete(fileName);
    file.withdrawn = true;
    return file;
  }

  /** After `remove`, when the transfers know. */
  async closed(file: OfferedFile): Promise<void> {
    closeUnused(file);
    await file.closed;
  }
}

function closeUnused(file: OfferedFile): void {
  if (file.withdrawn && file.users === 0) file.handle.close().then(file.markClosed, file.markClosed);
}
