/**
 * How large a datagram the path takes without IP fragmentation, found with real blocks: one of each candidate size is sent,
 * and the largest that is acknowledged becomes the block size. A size is tried once only, and those of Ethernet in one go, because a
 * kernel that has learned of a smaller MTU meanwhile would fragment the next, which then proves nothing (unless the socket never
 * fragments, `native/socket-options.c`).
 */

import { isIPv6, isLoopback } from "../../../base/ip-address.js";
import type { Carriage } from "./secure-link.js";

/** IPv4 or IPv6 header without options, and UDP's. */
export const headerBytesTo = (address: string): number => (isIPv6(address) ? 40 : 20) + 8;

/** What DTLS adds to a record: CAPWAP DTLS header 4, record header 13, and room for nonce, tag or padding. */
const dtlsBytes = 80;
/** Plaintext of a DTLS record (RFC 6347 §4.1). */
const dtlsRecordBytesMax = 16_384;

/** Largest UDP payload towards a peer that needs no IP fragmentation here. @param mtuBytes smallest MTU of our interfaces to the world */
export function udpPayloadMax(address: string, mtuBytes: number, carriage: Carriage): number {
  const payload = isLoopback(address) ? (ladder.at(-1) as number) : mtuBytes - headerBytesTo(address);
  return carriage === "dtls" ? Math.min(payload - dtlsBytes, dtlsRecordBytesMax) : payload;
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

  /** @param max what the receiver and our own interfaces allow */
  constructor(max: number) {
    this.#confirmed = Math.min(ladder[firstRung], max);
    this.#untried = ladder.filter((size) => size > this.#confirmed && size < max);
    if (max > this.#confirmed) this.#untried.push(Math.min(max, ladder.at(-1) as number));
  }

  /** Largest UDP payload known to arrive. */
  get datagramBytes(): number {
    return this.#confirmed;
  }

  /** The size to try with the next new block, undefined when there is none. */
  get candidate(): number | undefined {
    return this.#untried[0];
  }

  /** It goes with those before it, before any word of them can come back from a router. */
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
    const lower = ladder.findLast((size) => size < this.#confirmed);
    if (lower === undefined) return false;
    this.#confirmed = lower;
    this.#untried = [];
    return true;
  }
}
