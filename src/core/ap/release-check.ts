/** Reassembles bundles, and holds the order whose bundle is being verified. */
import { type Sha256Hex, sha256HexOf } from "../../base/sha256.js";
import type { BundlePart } from "../../wire/capwap/vendor.js";
import { bundleBytesMax } from "../trust/release.js";
import type { ApEffect, ApInput, RunOrder } from "./contract.js";
import type { OrderRefusal } from "./order.js";

type CheckRelease = Extract<ApEffect, { readonly type: "check-release" }>;

interface Arriving {
  /** Of the image. */
  readonly sha256: Sha256Hex;
  readonly bytes: Uint8Array;
  receivedBytes: number;
}

export class ReleaseCheck {
  #arriving: Arriving | undefined;
  #lastId = 0;
  #waiting: RunOrder | undefined;

  /** A part at offset 0 discards any bundle in progress. */
  part({ sha256, totalBytes, offset, bytes }: BundlePart): OrderRefusal | undefined {
    const image = sha256HexOf(sha256);
    if (offset === 0) this.#arriving = undefined;
    if (offset === 0 && totalBytes <= bundleBytesMax)
      this.#arriving = { sha256: image, bytes: new Uint8Array(totalBytes), receivedBytes: 0 };
    const arriving = this.#arriving;
    const follows = arriving?.sha256 === image && arriving.bytes.length === totalBytes && arriving.receivedBytes === offset;
    if (!follows || offset + bytes.length > totalBytes) {
      this.#arriving = undefined;
      return { reason: "bundle-malformed", detail: `bytes ${offset} to ${offset + bytes.length} of ${totalBytes} were not expected` };
    }
    arriving.bytes.set(bytes, offset);
    arriving.receivedBytes += bytes.length;
    return undefined;
  }

  /** Requests a check of the order's image; `checked` returns the order. Replaces an order that is still waiting. */
  begin(order: RunOrder, terms: Pick<CheckRelease, "allowsDowngrade" | "inHand">, out: ApEffect[]): void {
    const { sha256, sizeBytes, version } = order;
    if (sha256 === null) return;
    this.#waiting = order;
    const bundle = this.#bundleFor(sha256);
    out.push({ type: "check-release", checkId: ++this.#lastId, image: { sha256, sizeBytes, version }, bundle, ...terms });
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

  #bundleFor(sha256: Sha256Hex): Uint8Array | null {
    const arriving = this.#arriving;
    if (arriving?.sha256 !== sha256 || arriving.receivedBytes < arriving.bytes.length) return null;
    this.#arriving = undefined;
    return arriving.bytes;
  }
}
