/**
 * The file's length, as far as it is known, and whether a block has the length that is due. A truncated datagram must
 * not pass for the short block that ends a file.
 */
import { DEFAULT_BLKSIZE } from "../../../wire/tftp/options.js";

/** So many blocks of a wrong length in one place are the server's doing, not the network's. */
const WRONG_LENGTHS_MAX = 4;

export type Verdict =
  | { readonly type: "take" }
  /** Maybe damaged on the way: the server will repeat it. */
  | { readonly type: "drop" }
  | { readonly type: "fault"; readonly detail: string };

const take: Verdict = { type: "take" };
const drop: Verdict = { type: "drop" };

export class FileSize {
  /** What the caller insists on; undefined = any. */
  readonly #required: number | undefined;
  /** The server's tsize: a hint, since servers are known to send a wrong one. */
  #announced: number | undefined;
  #wrongLengths = 0;

  constructor(required: number | undefined) {
    this.#required = required;
  }

  get #known(): number | undefined {
    return this.#required ?? this.#announced;
  }

  /** The fault where the caller insists on another size. A tsize of 0 is the request's, echoed: unknown. */
  announce(tsize: number): string | undefined {
    if (tsize === 0) return undefined;
    if (this.#required !== undefined && tsize !== this.#required) return `the server's file has ${tsize} bytes, ${this.#required} are due`;
    this.#announced = tsize;
    return undefined;
  }

  /** Octets that are still due after the first `received`; undefined while the length is unknown. */
  left(received: number): number | undefined {
    return this.#known === undefined ? undefined : this.#known - received;
  }

  /** A block of the right length came. */
  progress(): void {
    this.#wrongLengths = 0;
  }

  /** A block of `length` octets that follows the first `received`. */
  judge(length: number, blksize: number, received: number): Verdict {
    if (length > blksize) return this.#wrong(`a block of ${length} bytes where ${blksize} were agreed`);
    const left = this.left(received);
    if (left === undefined || length === Math.min(left, blksize)) return take;
    if (this.#required !== undefined) return this.#wrong(`the file is not ${this.#required} bytes long as announced`);
    // A server that sends RFC 1350's blocks under an OACK for larger ones does not mean the first of them as the end.
    if (length === DEFAULT_BLKSIZE && blksize > DEFAULT_BLKSIZE && received === 0)
      return this.#wrong(`blocks of ${length} bytes where ${blksize} were agreed`);
    // A whole block cannot be a truncated one, and a short one that comes again and again is meant.
    if (length < blksize && this.#wrong("").type === "drop") return drop;
    this.#announced = undefined;
    return take;
  }

  #wrong(detail: string): Verdict {
    this.#wrongLengths++;
    return this.#wrongLengths >= WRONG_LENGTHS_MAX ? { type: "fault", detail } : drop;
  }
}
