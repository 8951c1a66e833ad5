/**
 * How large a datagram the path takes without IP fragmentation, found with real blocks: one of each candidate size is sent,
 * and the largest that is acknowledged becomes the block size. A size is tried once only, and those of Ethernet in one go, because a
 * kernel that has learned of a smaller MTU meanwhile would fragment the next, which then proves nothing (unless the socket never
 * fragments, `native/socket-options.c`).
 */

import { isIPv6, isLoopback } from "../../../base/ip-address.js";
import { recordPlaintextBytesMax } from "../../../wire/capwap/dtls-record.js";

/** IPv4 or IPv6 header without options, and UDP's. */
export const headerBytesTo = (address: string): number => (isIPv6(address) ? 40 : 20) + 8;

/**
 * Largest CAPWAP datagram towards a peer that needs no IP fragmentation here.
 * @param mtuBytes smallest MTU of our interfaces to the world
 * @param overheadBytes what a DTLS link adds; 0 in clear
 */
export function datagramBytesMaxTo(address: string, mtuBytes: number, overheadBytes: number): number {
  const payload = (isLoopback(address) ? (ladder.at(-1) as number) : mtuBytes - headerBytesTo(address)) - overheadBytes;
  return overheadBytes > 0 ? Math.min(payload, recordPlaintextBytesMax) : payload;
}

/** UDP payload sizes: IPv4's guaranteed 576, tunnels, PPPoE, Ethernet over IPv6 and IPv4, jumbo frames, loopback. */
const ladder = [544, 1_200, 1_352, 1_392, 1_412, 1_432, 1_452, 1_472, 8_952, 16_384, 32_768, 61_480] as const;
/** What is used before anything is known. */
const firstRung = 1;
/** Together no more than a TCP sender's first window (RFC 6928). */
const inOneGoMax = 1_472;

export class PathMtu {
  #confirmed: number;
  /** Sizes above the confirmed one that were not tried yet, smallest first. */
  #untried: number[];

  readonly #rungs: readonly number[];

  /**
   * @param max what the receiver and our own interfaces allow
   * @param overheadBytes what a DTLS link adds to a datagram; 0 in clear
   */
  constructor(max: number, overheadBytes = 0) {
    this.#rungs = ladder.map((size) => size - overheadBytes);
    this.#confirmed = Math.min(this.#rungs[firstRung] as number, max);
    this.#untried = this.#rungs.filter((size) => size > this.#confirmed && size < max);
    if (max > this.#confirmed) this.#untried.push(Math.min(max, this.#rungs.at(-1) as number));
  }

  /** Largest CAPWAP datagram known to arrive. */
  get datagramBytes(): number {
    return this.#confirmed;
  }

  /** The size to try with the next new block, undefined when there is none. */
  get candidate(): number | undefined {
    return this.#untried[0];
  }

  /** It is sent together with those before it, before a router can report on them. */
  get candidateIsUrgent(): boolean {
    return (this.candidate ?? Number.POSITIVE_INFINITY) <= inOneGoMax;
  }

  candidateSent(): void {
    this.#untried.shift();
  }

  /** @returns whether blocks may be larger now */
  arrived(datagramBytes: number): boolean {
    if (datagramBytes <= this.#confirmed) return false;
    this.#confirmed = datagramBytes;
    return true;
  }

  /** Nothing arrives any more: the path may have become narrower. @returns whether blocks are smaller now */
  shrink(): boolean {
    const lower = this.#rungs.findLast((size) => size < this.#confirmed);
    if (lower === undefined) return false;
    this.#confirmed = lower;
    this.#untried = [];
    return true;
  }
}
