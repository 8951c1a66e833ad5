/**
 * One fetch: RFC 1350 with the options of RFC 2347–2349 and 7440. Blocks are taken in order only; the first block out of
 * order is answered at once with the last good one (RFC 7440 §4), so memory never depends on the peer.
 */
import { type Endpoint, endpointText, sameEndpoint } from "../../base/endpoint.js";
import type { Machine } from "../../base/machine.js";
import type { Instant } from "../../base/time.js";
import { BLOCK_NUMBERS } from "../../wire/tftp/block-number.js";
import { type ErrorCode, errorCode } from "../../wire/tftp/error-code.js";
import { BLKSIZE_MIN, DEFAULT_BLKSIZE, DEFAULT_WINDOWSIZE, type Options, readOptions, writeOptions } from "../../wire/tftp/options.js";
import {
  blockOf,
  DATA_HEADER_BYTES,
  decodePacket,
  encodePacket,
  type Option,
  opcode,
  opcodeOf,
  printable,
} from "../../wire/tftp/packet.js";
import type { ClientEffect, ClientInput, ClientRequest, ClientSettings, ClientStreamable, FetchOutcome } from "./contract.js";
import { idleMsFor, RoundTrip } from "./round-trip.js";
import { deservesUnknownTransferId, unknownTransferId } from "./stranger.js";

/** Sooner than the sender's own floor, so that a lost window tail costs one side's repetition and not both. */
const TIMEOUT_FLOOR_MS = 120;
/** A repeated last block sooner than this after its ACK crossed it on the way. */
const REPEATED_ACK_MS = 50;
/** So many blocks of a wrong length in one place are the server's doing, not the network's. */
const WRONG_LENGTHS_MAX = 4;
/** Windows that start with block 1 where 0 is due before we believe that the server's numbers skip 0. */
const SKIPPED_ZEROS_MAX = 4;

export class TftpClient implements Machine<ClientInput, ClientEffect> {
  readonly #request: ClientRequest;
  readonly #settings: ClientSettings;
  readonly #roundTrip: RoundTrip;
  readonly #idleMsMax: number;
  #state: "new" | "requesting" | "receiving" | "finishing" | "dallying" | "closed" = "new";
  /** What the request asks; emptied for a second try without options (RFC 2347 §4, error 8). */
  #asked: Options;
  /** The server's endpoint of this transfer: its first reply fixes it. */
  #peer: Endpoint | undefined;
  #blksize = DEFAULT_BLKSIZE;
  #windowsize = DEFAULT_WINDOWSIZE;
  /** From tsize or from the request; undefined when neither said. */
  #sizeBytes: number | undefined;
  #bytesReceived = 0;
  #bytesWritten = 0;
  /** Block number on the wire that is due next, and of the last ACK that went out. */
  #due = 1;
  #acked = 0;
  /** Blocks taken since that ACK. */
  #unacknowledged = 0;
  /** An ACK waits for the disk. */
  #ackHeld = false;
  /** How far ahead of `due` the last block was that came out of order after its ACK; 0 = none did. */
  #gapSeen = 0;
  #wrongLengths = 0;
  #skippedZeros = 0;
  /** The server counts 65535, 1, 2 …; flexup's own and most count 65535, 0, 1 …. */
  #skipsZero = false;
  #ackAt: Instant = 0;
  #measurable = false;
  #progressAt: Instant = 0;
  #wakeAt: Instant | undefined;

  constructor(request: ClientRequest, settings: ClientSettings) {
    this.#request = request;
    this.#settings = settings;
    this.#sizeBytes = request.sizeBytes;
    const { blksize, windowsize, timeoutSeconds } = request;
    this.#asked = {
      tsize: 0,
      ...(blksize !== DEFAULT_BLKSIZE && { blksize }),
      ...(windowsize !== DEFAULT_WINDOWSIZE && { windowsize }),
      ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    };
    const peerTimeoutMs = timeoutSeconds === undefined ? undefined : timeoutSeconds * 1000;
    const { firstTimeoutMs: firstMs, timeoutMsMax: ceilingMs, idleMsMax } = settings;
    this.#roundTrip = new RoundTrip({ floorMs: TIMEOUT_FLOOR_MS, ceilingMs, firstMs, peerTimeoutMs });
    this.#idleMsMax = Math.max(idleMsMax, idleMsFor(peerTimeoutMs ?? 0));
  }

  get bytesDone(): number {
    return this.#bytesReceived;
  }

  /** What was agreed with the server; RFC 1350's values before its first reply. */
  get agreed(): { readonly blksize: number; readonly windowsize: number } {
    return { blksize: this.#blksize, windowsize: this.#windowsize };
  }

  nextWakeAt(): Instant | undefined {
    return this.#wakeAt;
  }

  /**
   * While this is defined the host need not ask about every block: as long as the next datagram comes from `peer` and is DATA `due`, then
   * the one after it, … with exactly `blksize` octets, at most `blocksMax` of them, it may store the payload, and send the ACK of each whole
   * window itself if no more than `backlogBytesMax` octets are unwritten then. Anything else, a window whose ACK must wait for the
   * disk, and a wake in time, comes here as ever, after a `streamed` that tells how far it went. Before that only `written` may be given.
   */
  get streamable(): ClientStreamable | undefined {
    // A server that skips 0 is rare enough to be counted here.
    if (this.#state !== "receiving" || this.#peer === undefined || this.#ackHeld || this.#skipsZero) return undefined;
    const left = this.#sizeBytes === undefined ? Number.MAX_SAFE_INTEGER : this.#sizeBytes - this.#bytesReceived;
    return {
      peer: this.#peer,
      due: this.#due,
      blksize: this.#blksize,
      windowsize: this.#windowsize,
      unacknowledged: this.#unacknowledged,
      blocksMax: Math.floor(left / this.#blksize),
      ackAt: this.#measurable && this.#unacknowledged === 0 ? this.#ackAt : undefined,
      backlogBytesMax: this.#settings.backlogBytesMax,
    };
  }

  step(now: Instant, input: ClientInput, out: ClientEffect[]): void {
    if (this.#state === "closed") return;
    switch (input.type) {
      case "start":
        this.#progressAt = now;
        if (input.receiveBufferBytes !== undefined) this.#fitWindow(input.receiveBufferBytes);
        this.#ask(now, out);
        break;
      case "datagram":
        this.#datagram(now, input.from, input.bytes, out);
        break;
      case "wake":
        if (this.#wakeAt !== undefined && now >= this.#wakeAt) this.#wake(now, out);
        break;
      case "streamed":
        this.#streamed(input, out);
        break;
      case "written":
        this.#written(now, input.bytesWritten, out);
        break;
      case "storage-failed":
        this.#fail("storage", input.detail, errorCode.diskFull, out);
        break;
      case "abort":
        this.#fail("aborted", "the fetch was aborted", errorCode.notDefined, out);
        break;
    }
  }

  #fitWindow(receiveBufferBytes: number): void {
    const { blksize, windowsize } = this.#request;
    const fitting = Math.max(DEFAULT_WINDOWSIZE, Math.floor(receiveBufferBytes / bufferedBytes(blksize)));
    if (windowsize > fitting) this.#asked = { ...this.#asked, windowsize: fitting };
  }

  #ask(now: Instant, out: ClientEffect[]): void {
    this.#state = "requesting";
    const { server, fileName } = this.#request;
    out.push({
      type: "send",
      to: server,
      bytes: encodePacket({ type: "read-request", fileName, mode: "octet", options: writeOptions(this.#asked) }),
    });
    this.#wakeAt = this.#roundTrip.deadline(now);
  }

  #datagram(now: Instant, from: Endpoint, bytes: Uint8Array, out: ClientEffect[]): void {
    const ours = this.#peer === undefined ? from.address === this.#request.server.address : sameEndpoint(from, this.#peer);
    if (!ours) {
      if (deservesUnknownTransferId(bytes)) out.push({ type: "send", to: from, bytes: unknownTransferId });
      return;
    }
    const code = opcodeOf(bytes);
    if (code === opcode.data && bytes.length >= DATA_HEADER_BYTES) this.#data(now, from, bytes, out);
    else if (code === opcode.oack || code === opcode.error) this.#decoded(now, from, bytes, out);
  }

  #decoded(now: Instant, from: Endpoint, bytes: Uint8Array, out: ClientEffect[]): void {
    const decoded = decodePacket(bytes);
    if (!decoded.ok || this.#state === "dallying") return;
    const { packet } = decoded;
    if (packet.type === "error") this.#error(now, packet.code, packet.message, out);
    else if (packet.type === "oack") this.#oack(now, from, packet.options, out);
  }

  #error(now: Instant, code: number, message: string, out: ClientEffect[]): void {
    const asking = this.#state === "requesting";
    if (asking && code === errorCode.optionsRefused && Object.keys(this.#asked).length > 0) {
      this.#asked = {};
      this.#ask(now, out);
      return;
    }
    const text = printable(message) || "no text";
    const outcome = !asking ? "error" : code === errorCode.notDefined && busyText.test(message) ? "busy" : "refused";
    this.#end(outcome, `server's error ${code}: ${text}`, out);
  }

  #oack(now: Instant, from: Endpoint, raw: readonly Option[], out: ClientEffect[]): void {
    if (this.#state === "receiving" && this.#bytesReceived === 0 && this.#acked === 0 && this.#due === 1) {
      this.#acknowledge(now, out); // Our ACK of the OACK was lost.
      return;
    }
    if (this.#state !== "requesting") return;
    this.#peer = from;
    const { options, refused } = readOptions(raw);
    const fault = refused.length > 0 ? `option ${printable(refused[0]?.name ?? "")}` : this.#oackFault(options);
    if (fault !== undefined) {
      this.#fail("error", `the server's OACK is wrong: ${fault}`, errorCode.optionsRefused, out);
      return;
    }
    if (options.tsize !== undefined && !this.#sizeKnown(options.tsize, out)) return;
    this.#blksize = options.blksize ?? DEFAULT_BLKSIZE;
    this.#windowsize = options.windowsize ?? DEFAULT_WINDOWSIZE;
    this.#state = "receiving";
    this.#progress(now);
    this.#acknowledge(now, out);
  }

  /** An OACK may hold only what was asked, and no more of it (RFC 2347, 2348, 7440); a timeout must be the one asked (2349). */
  #oackFault(options: Options): string | undefined {
    const { tsize, blksize = 0, windowsize = 0, timeoutSeconds } = this.#asked;
    if (options.tsize !== undefined && tsize === undefined) return "tsize was not asked";
    if (options.blksize !== undefined && (options.blksize > blksize || options.blksize < BLKSIZE_MIN)) return `blksize ${options.blksize}`;
    if (options.windowsize !== undefined && options.windowsize > windowsize) return `windowsize ${options.windowsize}`;
    if (options.timeoutSeconds !== undefined && options.timeoutSeconds !== timeoutSeconds) return `timeout ${options.timeoutSeconds}`;
    return undefined;
  }

  #sizeKnown(sizeBytes: number, out: ClientEffect[]): boolean {
    const expected = this.#request.sizeBytes;
    if (expected !== undefined && sizeBytes !== expected) {
      this.#fail("error", `the server's file has ${sizeBytes} bytes, ${expected} are due`, errorCode.notDefined, out);
      return false;
    }
    this.#sizeBytes = sizeBytes;
    out.push({ type: "size", sizeBytes });
    return true;
  }

  #data(now: Instant, from: Endpoint, bytes: Uint8Array, out: ClientEffect[]): void {
    const block = blockOf(bytes);
    if (this.#state === "requesting") {
      // A server without options answers with the first block, in plain RFC 1350.
      if (block !== 1) return;
      this.#peer = from;
      this.#state = "receiving";
    }
    if (this.#state === "receiving") {
      // A server that does not wait for the ACK would have us hold its whole file; an honest one sends again what was not acknowledged.
      if (this.#ackHeld) return;
      const ahead = this.#aheadOf(block);
      if (ahead === 0) this.#nextBlock(now, bytes, out);
      else if (ahead <= this.#windowsize) this.#gap(now, block, ahead, bytes, out);
      else if (block === this.#acked) this.#repeatedBlock(now, out);
    } else if (block === this.#acked) {
      this.#repeatedBlock(now, out);
    }
  }

  /** How many blocks `block` lies ahead of the one that is due, in the server's way of counting. */
  #aheadOf(block: number): number {
    if (!this.#skipsZero) return (block - this.#due + BLOCK_NUMBERS) % BLOCK_NUMBERS;
    return block === 0 ? BLOCK_NUMBERS : (block - this.#due + BLOCK_NUMBERS - 1) % (BLOCK_NUMBERS - 1);
  }

  #nextBlock(now: Instant, bytes: Uint8Array, out: ClientEffect[]): void {
    const length = bytes.length - DATA_HEADER_BYTES;
    const fault = this.#lengthFault(length);
    if (fault !== undefined) {
      this.#wrongLengths++;
      if (this.#wrongLengths >= WRONG_LENGTHS_MAX) this.#fail("error", fault, errorCode.illegalOperation, out);
      return;
    }
    if (this.#measurable && this.#unacknowledged === 0) this.#roundTrip.sample(now - this.#ackAt);
    this.#measurable = false;
    this.#gapSeen = 0;
    this.#wrongLengths = 0;
    this.#skippedZeros = 0;
    if (length > 0) out.push({ type: "write", offset: this.#bytesReceived, bytes: bytes.subarray(DATA_HEADER_BYTES) });
    this.#bytesReceived += length;
    this.#due = this.#due === BLOCK_NUMBERS - 1 ? (this.#skipsZero ? 1 : 0) : this.#due + 1;
    this.#unacknowledged++;
    this.#progress(now);
    if (length < this.#blksize) this.#received(now, out);
    else if (this.#unacknowledged >= this.#windowsize) this.#acknowledgeWhenWritten(now, out);
    else this.#wakeAt = this.#roundTrip.deadline(now);
  }

  /** What `nextBlock` would have done for each of the blocks. */
  #streamed({ blocks, unacknowledged, at, roundTripsMs }: Extract<ClientInput, { type: "streamed" }>, out: ClientEffect[]): void {
    for (let index = 0; index < roundTripsMs.length; index++) this.#roundTrip.sample(roundTripsMs[index] as number);
    this.#gapSeen = 0;
    this.#wrongLengths = 0;
    this.#skippedZeros = 0;
    this.#bytesReceived += blocks * this.#blksize;
    this.#due = (this.#due + blocks) % BLOCK_NUMBERS;
    if (unacknowledged < this.#unacknowledged + blocks) {
      this.#acked = (this.#due - 1 - unacknowledged + 2 * BLOCK_NUMBERS) % BLOCK_NUMBERS;
      this.#ackAt = at;
    }
    this.#measurable = unacknowledged === 0;
    this.#unacknowledged = unacknowledged;
    this.#progress(at);
    if (unacknowledged >= this.#windowsize) this.#acknowledgeWhenWritten(at, out);
    else this.#wakeAt = this.#roundTrip.deadline(at);
  }

  /** A truncated datagram must not pass for the short block that ends a file; the size tells them apart where it is known. */
  #lengthFault(length: number): string | undefined {
    if (length > this.#blksize) return `a block of ${length} bytes where ${this.#blksize} were agreed`;
    if (this.#sizeBytes === undefined) return undefined;
    const left = this.#sizeBytes - this.#bytesReceived;
    return length === Math.min(left, this.#blksize) ? undefined : `the file is not ${this.#sizeBytes} bytes long as announced`;
  }

  #gap(now: Instant, block: number, ahead: number, bytes: Uint8Array, out: ClientEffect[]): void {
    // A server that never sends 0 looks like one whose block 0 got lost. In lock-step nothing can follow a lost block; in a window
    // the same loss again and again is not loss.
    if (this.#due === 0 && block === 1 && ahead === 1) {
      this.#skippedZeros++;
      if (this.#windowsize === 1 || this.#skippedZeros >= SKIPPED_ZEROS_MAX) {
        this.#skipsZero = true;
        this.#due = 1;
        this.#nextBlock(now, bytes, out);
        return;
      }
    }
    // One ACK for each burst with a hole: the rest of the burst lies further ahead, a new burst starts again nearer.
    if (this.#gapSeen === 0 || ahead <= this.#gapSeen) this.#acknowledgeWhenWritten(now, out);
    this.#gapSeen = ahead;
  }

  #repeatedBlock(now: Instant, out: ClientEffect[]): void {
    if (!this.#ackHeld && this.#unacknowledged === 0 && now - this.#ackAt >= REPEATED_ACK_MS) this.#acknowledge(now, out);
  }

  #received(now: Instant, out: ClientEffect[]): void {
    this.#state = "finishing";
    this.#wakeAt = undefined;
    this.#ackHeld = true;
    this.#written(now, this.#bytesWritten, out);
  }

  #acknowledgeWhenWritten(now: Instant, out: ClientEffect[]): void {
    if (this.#bytesReceived - this.#bytesWritten > this.#settings.backlogBytesMax) {
      this.#ackHeld = true;
      this.#wakeAt = undefined;
    } else {
      this.#acknowledge(now, out);
    }
  }

  #acknowledge(now: Instant, out: ClientEffect[]): void {
    const previous = this.#due === 0 || (this.#due === 1 && this.#skipsZero) ? BLOCK_NUMBERS - 1 : this.#due - 1;
    this.#measurable = this.#unacknowledged > 0 || this.#bytesReceived === 0;
    this.#acked = previous;
    this.#unacknowledged = 0;
    this.#ackHeld = false;
    this.#ackAt = now;
    if (this.#peer !== undefined) out.push({ type: "send", to: this.#peer, bytes: encodePacket({ type: "ack", block: previous }) });
    if (this.#state === "receiving") this.#wakeAt = this.#roundTrip.deadline(now);
  }

  #written(now: Instant, bytesWritten: number, out: ClientEffect[]): void {
    this.#bytesWritten = bytesWritten;
    if (!this.#ackHeld) return;
    if (this.#state === "finishing") {
      if (bytesWritten < this.#bytesReceived) return;
      this.#state = "dallying";
      this.#acknowledge(now, out);
      this.#wakeAt = now + this.#settings.dallyMs;
      out.push({ type: "ended", outcome: "complete", detail: "", bytesDone: this.#bytesReceived });
    } else if (this.#bytesReceived - bytesWritten <= this.#settings.backlogBytesMax) {
      this.#progressAt = now; // The wait was ours, not the server's.
      this.#acknowledge(now, out);
    }
  }

  #wake(now: Instant, out: ClientEffect[]): void {
    if (this.#state === "dallying") {
      this.#close(out);
    } else if (now - this.#progressAt >= this.#idleMsMax) {
      const { server } = this.#request;
      const detail = this.#state === "requesting" ? `no answer from ${endpointText(server)}` : `no data after byte ${this.#bytesReceived}`;
      this.#fail("timeout", detail, errorCode.notDefined, out);
    } else {
      this.#roundTrip.expired();
      // The ACK of a part of a window calls for more: that is the disk's to allow. One that went out before may be repeated.
      if (this.#state === "requesting") this.#ask(now, out);
      else if (this.#unacknowledged > 0) this.#acknowledgeWhenWritten(now, out);
      else this.#acknowledge(now, out);
      this.#measurable = false;
      this.#gapSeen = 0;
    }
  }

  #progress(now: Instant): void {
    this.#progressAt = now;
    this.#roundTrip.progress();
  }

  #fail(outcome: FetchOutcome, detail: string, code: ErrorCode, out: ClientEffect[]): void {
    if (this.#peer !== undefined && this.#state !== "dallying") {
      out.push({ type: "send", to: this.#peer, bytes: encodePacket({ type: "error", code, message: detail }) });
    }
    this.#end(outcome, detail, out);
  }

  #end(outcome: FetchOutcome, detail: string, out: ClientEffect[]): void {
    if (this.#state !== "dallying") out.push({ type: "ended", outcome, detail, bytesDone: this.#bytesReceived });
    this.#close(out);
  }

  #close(out: ClientEffect[]): void {
    this.#state = "closed";
    this.#wakeAt = undefined;
    out.push({ type: "close" });
  }
}

/** What a kernel takes at most from the receive buffer for a DATA packet: its memory comes in powers of two, and a description with it. */
const bufferedBytes = (blksize: number): number => 2 * blksize + 1024;

const busyText = /busy|too many|try again/i;
