import { recordOverheadBytes } from "../../wire/capwap/dtls-record.js";
import { type DtlsAddon, type DtlsContext, type DtlsLink, did, type LinkDescription, reportLength } from "./addon.js";

/** What a datagram, or the passing of time, did to an association. */
export interface AssociationStep {
  /** The handshake completed. */
  readonly established: boolean;
  /** The association is over: the peer ended it, or it failed. Undefined while it lives. */
  readonly ended: string | undefined;
  readonly plaintexts: readonly Uint8Array[];
}

const nothing: AssociationStep = { established: false, ended: undefined, plaintexts: [] };
const report = new Uint32Array(reportLength);

/** One DTLS link of the add-on, which passes its datagrams to `send`. */
export class Association {
  readonly #addon: DtlsAddon;
  readonly #link: DtlsLink;
  readonly #send: (datagram: Uint8Array) => void;
  readonly #headerBytes: number;

  constructor(addon: DtlsAddon, link: DtlsLink, headerBytes: number, send: (datagram: Uint8Array) => void) {
    this.#addon = addon;
    this.#link = link;
    this.#headerBytes = headerBytes;
    this.#send = send;
  }

  get description(): LinkDescription {
    return this.#addon.describe(this.#link);
  }

  /** Sends what `connect` or `listen` left. */
  begin(): AssociationStep {
    this.#flush();
    return this.wake();
  }

  /** @param records are overwritten with their plaintext */
  receive(records: Uint8Array): AssociationStep {
    const flags = this.#addon.receive(this.#link, records, report);
    const [count = 0] = report;
    if (flags === 0 && count === 0) return nothing;
    const plaintexts: Uint8Array[] = [];
    for (let at = 1, offset = 0; at <= count; at++) {
      const length = report[at] as number;
      plaintexts.push(records.subarray(offset, offset + length));
      offset += length;
    }
    return this.#step(flags, plaintexts);
  }

  /** Retransmits a flight that is due. */
  wake(): AssociationStep {
    return this.#step(this.#addon.wake(this.#link), []);
  }

  /** Milliseconds until `wake` has something to do, undefined for never. */
  get wakeInMs(): number | undefined {
    const milliseconds = this.#addon.wakeInMs(this.#link);
    return milliseconds < 0 ? undefined : milliseconds;
  }

  /** What `seal` adds to a plaintext at most. */
  get overheadBytes(): number {
    return this.#headerBytes + recordOverheadBytes(this.description.suite ?? "");
  }

  /** @returns the part of `into` that holds the datagram; undefined where there is no link for it any more */
  seal(plaintext: Uint8Array, into: Uint8Array): Uint8Array | undefined {
    const length = this.#addon.seal(this.#link, plaintext, into);
    return length === 0 ? undefined : into.subarray(0, length);
  }

  /** Whether the peer's certificate verifies under the authorities and lists of `context`. */
  isTrustedBy(context: DtlsContext): boolean {
    return this.#addon.trusts(context, this.#link);
  }

  /** Ends the link with a close_notify. */
  close(): void {
    for (const datagram of this.#addon.close(this.#link)) this.#send(datagram);
  }

  /** Frees the link without a close_notify: the peer has lost its half. */
  forget(): void {
    this.#addon.close(this.#link);
  }

  #step(flags: number, plaintexts: readonly Uint8Array[]): AssociationStep {
    if (flags & did.send) this.#flush();
    const over = (flags & (did.close | did.fail)) !== 0;
    const ended = over ? ((flags & did.fail) !== 0 ? (this.description.failure ?? "failed") : "closed by the peer") : undefined;
    return { established: (flags & did.establish) !== 0, ended, plaintexts };
  }

  #flush(): void {
    for (const datagram of this.#addon.outgoing(this.#link)) this.#send(datagram);
  }
}
