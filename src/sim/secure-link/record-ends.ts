import { encodeStandIn, type LinkKeys, type StandInDatagram } from "./stand-in-wire.js";

type SealedRecord = Extract<StandInDatagram, { readonly type: "record" }>;

/** Width of the replay window (RFC 6347 §4.1.2.6). */
const windowBits = 64;

/** Record layer at one end of an established link: numbers outgoing records and accepts each incoming one once. */
export class RecordEnd {
  readonly keys: LinkKeys;
  #sent = 0;
  #highest = -1;
  /** Bit n is set once record `highest - n` was accepted. */
  #taken = 0n;

  constructor(keys: LinkKeys) {
    this.keys = keys;
  }

  /** @returns the part of `into` that holds the record */
  seal(plaintext: Uint8Array, into: Uint8Array): Uint8Array {
    const datagram = encodeStandIn({ type: "record", keys: this.keys, sequence: this.#sent++, plaintext });
    into.set(datagram);
    return into.subarray(0, datagram.length);
  }

  /** Undefined for a replay. */
  open({ sequence, plaintext }: SealedRecord): Uint8Array | undefined {
    if (sequence > this.#highest) {
      this.#taken = BigInt.asUintN(windowBits, (this.#taken << BigInt(sequence - this.#highest)) | 1n);
      this.#highest = sequence;
      return plaintext;
    }
    const age = this.#highest - sequence;
    if (age >= windowBits || (this.#taken >> BigInt(age)) & 1n) return undefined;
    this.#taken |= 1n << BigInt(age);
    return plaintext;
  }
}
