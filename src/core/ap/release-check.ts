/** Reassembles bundles, and holds the order whose bundle is being verified. */
import { sha256HexOf } from "../../base/sha256.js";
import type { BundlePart } from "../../wire/capwap/vendor.js";
import { bundleBytesMax } from "../trust/release.js";
import type { ApEffect, ApInput, RunOrder } from "./contract.js";
import type { OrderRefusal } from "./order.js";

interface Arriving {
  /** Of the image, in hexadecimal. */
  readonly sha256: string;
  readonly totalBytes: number;
  readonly parts: Uint8Array[];
  receivedBytes: number;
}

export class ReleaseCheck {
  #arriving: Arriving | undefined;
  #lastId = 0;
  #waiting: RunOrder | undefined;

  /** A part at offset 0 discards any bundle in progress. */
  part({ sha256, totalBytes, offset, bytes }: BundlePart): OrderRefusal | undefined {
    if (offset === 0) this.#arriving = { sha256: sha256HexOf(sha256), totalBytes, parts: [], receivedBytes: 0 };
    const arriving = this.#arriving;
    const follows = arriving !== undefined && arriving.sha256 === sha256HexOf(sha256) && offset === arriving.receivedBytes;
    if (!follows || totalBytes !== arriving.totalBytes || totalBytes > bundleBytesMax || offset + bytes.length > totalBytes) {
      this.#arriving = undefined;
      return { reason: "bundle-malformed", detail: `bytes ${offset} to ${offset + bytes.length} of ${totalBytes} were not expected` };
    }
    arriving.parts.push(bytes.slice());
    arriving.receivedBytes += bytes.length;
    return undefined;
  }

  /** Requests a check of the order's image; `checked` returns the order. Replaces an order that is still waiting. */
  begin(order: RunOrder, allowsDowngrade: boolean, out: ApEffect[]): void {
    const { sha256, sizeBytes, version } = order;
    if (sha256 === null) return;
    this.#waiting = order;
    const bundle = this.#bundleFor(sha256);
    out.push({ type: "check-release", checkId: ++this.#lastId, image: { sha256, sizeBytes, version }, bundle, allowsDowngrade });
  }

  /** The order that `input` answers; undefined if it was replaced or aborted. */
  checked({ checkId }: Extract<ApInput, { readonly type: "release-checked" }>): RunOrder | undefined {
    if (checkId !== this.#lastId) return undefined;
    const order = this.#waiting;
    this.#waiting = undefined;
    return order;
  }

  forget(): void {
    this.#waiting = undefined;
  }

  #bundleFor(sha256: string): Uint8Array | null {
    const arriving = this.#arriving;
    if (arriving === undefined || arriving.sha256 !== sha256 || arriving.receivedBytes < arriving.totalBytes) return null;
    this.#arriving = undefined;
    const bundle = new Uint8Array(arriving.totalBytes);
    let at = 0;
    for (const part of arriving.parts) {
      bundle.set(part, at);
      at += part.length;
    }
    return bundle;
  }
}
