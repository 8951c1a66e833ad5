/**
 * One fetch: RFC 1350 with the options of RFC 2347–2349 and 7440. Blocks are taken in order only; the first block out of
 * order is answered at once with the last good one (RFC 7440 §4), so memory never depends on the peer.
 */
import { type Endpoint, endpointText, sameEndpoint } from "../../../base/endpoint.js";
import type { Machine } from "../../../base/machine.js";
import type { Instant } from "../../../base/time.js";
import { type ErrorCode, errorCode } from "../../../wire/tftp/error-code.js";
import { DEFAULT_BLKSIZE, DEFAULT_WINDOWSIZE, type Options, readOptions, writeOptions } from "../../../wire/tftp/options.js";
import {
  blockOf,
  DATA_HEADER_BYTES,
  decodePacket,
  encodePacket,
  type Option,
  opcode,
  opcodeOf,
  printable,
  REQUEST_BYTES_MAX,
} from "../../../wire/tftp/packet.js";
import { idleMsFor, RoundTrip } from "../round-trip.js";
import { answerToStranger } from "../stranger.js";
import { BlockOrder } from "./block-order.js";
import type { ClientEffect, ClientInput, ClientRequest, ClientSettings, ClientStreamable, FetchOutcome } from "./contract.js";
import { FileSize } from "./file-size.js";
import { fittingWindow, oackFault, optionsFor, smallerBlksize } from "./negotiation.js";

/** Sooner than the sender's own floor, so that a lost window tail costs one side's repetition and not both. */
const TIMEOUT_FLOOR_MS = 120;
/** A repeated last block sooner than this after its ACK crossed it on the way. */
const REPEATED_ACK_MS = 50;
/** An ACK that waits for the disk leaves the server without a sign of life: the last one is repeated meanwhile. */
const SIGN_OF_LIFE_MS = 2000;
/** So long after its OACK a server whose blocks fit the path has repeated the first several times. */
const FIRST_BLOCK_MS_MAX = 4000;

type State =
  | { readonly phase: "new" | "requesting" | "closed" }
  /** `peer` = the server's endpoint of this transfer: its first reply fixes it. */
  | { readonly phase: "receiving" | "finishing" | "dallying"; readonly peer: Endpoint };

export class TftpClient implements Machine<ClientInput, ClientEffect> {
  readonly #request: ClientRequest;
  readonly #settings: ClientSettings;
  readonly #roundTrip: RoundTrip;
  /** What the time-out that was asked gives the server at least. */
  readonly #peerIdleMs: number;
  #state: State = { phase: "new" };
  /** What the request asks; emptied for a second try without options (RFC 2347 §4, error 8). */
  #asked: Options;
  /** The port of a transfer that was given up for a new request. */
  #abandoned: Endpoint | undefined;
  #blksize = DEFAULT_BLKSIZE;
  #windowsize = DEFAULT_WINDOWSIZE;
  readonly #size: FileSize;
  #isAnswered = false;
  #bytesReceived = 0;
  #bytesWritten = 0;
  readonly #order = new BlockOrder();
  /** Block number of the last ACK that went out, and when it did. */
  #acked = 0;
  #ackAt: Instant | undefined;
  /** Blocks taken since that ACK. */
  #unacknowledged = 0;
  /** An ACK waits for the disk. */
  #ackHeld = false;
  #measurable = false;
  #progressAt: Instant = 0;
  #wakeAt: Instant | undefined;

  constructor(request: ClientRequest, settings: ClientSettings) {
    this.#request = request;
    this.#settings = settings;
    this.#size = new FileSize(request.sizeBytes);
    this.#asked = optionsFor(request);
    const peerTimeoutMs = this.#asked.timeoutSeconds === undefined ? undefined : this.#asked.timeoutSeconds * 1000;
    const { firstTimeoutMs: firstMs, timeoutMsMax: ceilingMs } = settings;
    this.#roundTrip = new RoundTrip({ floorMs: TIMEOUT_FLOOR_MS, ceilingMs, firstMs, peerTimeoutMs });
    this.#peerIdleMs = idleMsFor(peerTimeoutMs ?? 0);
  }

  /** The server answered the request, if only with an ERROR. */
  get isAnswered(): boolean {
    return this.#isAnswered;
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
   * disk, and a wake in time, comes here as ever, after a `streamed` with how far it got. Before that only `written` may be given.
   */
  get streamable(): ClientStreamable | undefined {
    const state = this.#state;
    // A server that skips 0 is rare enough to be counted here.
    if (state.phase !== "receiving" || this.#ackHeld || this.#order.skipsZero) return undefined;
    const left = this.#size.left(this.#bytesReceived) ?? Number.MAX_SAFE_INTEGER;
    return {
      peer: state.peer,
      due: this.#order.due,
      blksize: this.#blksize,
      windowsize: this.#windowsize,
      unacknowledged: this.#unacknowledged,
      blocksMax: Math.max(0, Math.floor(left / this.#blksize)),
      ackAt: this.#measurable && this.#unacknowledged === 0 ? this.#ackAt : undefined,
      backlogBytesMax: this.#settings.backlogBytesMax,
    };
  }

  step(now: Instant, input: ClientInput, out: ClientEffect[]): void {
    if (this.#state.phase === "closed") return;
    switch (input.type) {
      case "start":
        if (input.receiveBufferBytes !== undefined) this.#asked = fittingWindow(this.#asked, input.receiveBufferBytes);
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

  // ---- the request -----------------------------------------------------------------------------------------------------

  #ask(now: Instant, out: ClientEffect[]): void {
    if (this.#state.phase !== "requesting") this.#progressAt = now;
    this.#state = { phase: "requesting" };
    const { server, fileName } = this.#request;
    const bytes = encodePacket({ type: "read-request", fileName, mode: "octet", options: writeOptions(this.#asked) });
    if (bytes.length > REQUEST_BYTES_MAX) {
      const detail = `the name is too long: the request has ${bytes.length} octets, at most ${REQUEST_BYTES_MAX} are allowed`;
      this.#end("error", detail, out);
      return;
    }
    out.push({ type: "send", to: server, bytes });
    this.#wakeAt = this.#roundTrip.deadline(now);
  }

  #datagram(now: Instant, from: Endpoint, bytes: Uint8Array, out: ClientEffect[]): void {
    const state = this.#state;
    const isOurs = "peer" in state ? sameEndpoint(from, state.peer) : this.#mayAnswer(from);
    if (!isOurs) {
      const answer = answerToStranger(bytes);
      if (answer !== undefined) out.push({ type: "send", to: from, bytes: answer });
      return;
    }
    this.#isAnswered = true;
    const code = opcodeOf(bytes);
    if (code === opcode.data && bytes.length >= DATA_HEADER_BYTES) this.#data(now, from, bytes, out);
    else if (code === opcode.oack || code === opcode.error) this.#decoded(now, from, bytes, out);
  }

  #mayAnswer(from: Endpoint): boolean {
    const isAbandoned = this.#abandoned !== undefined && sameEndpoint(from, this.#abandoned);
    return from.address === this.#request.server.address && !isAbandoned;
  }

  #decoded(now: Instant, from: Endpoint, bytes: Uint8Array, out: ClientEffect[]): void {
    const decoded = decodePacket(bytes);
    if (!decoded.ok || this.#state.phase === "dallying") return;
    const { packet } = decoded;
    if (packet.type === "error") this.#error(now, packet.code, packet.message, out);
    else if (packet.type === "oack") this.#oack(now, from, packet.options, out);
  }

  #error(now: Instant, code: number, message: string, out: ClientEffect[]): void {
    const isAsking = this.#state.phase === "requesting";
    if (isAsking && refusesOptions(code) && Object.keys(this.#asked).length > 0) {
      this.#asked = {};
      this.#ask(now, out);
      return;
    }
    const text = printable(message) || "no text";
    const outcome = isAsking ? refusalOf(code, message) : "error";
    this.#end(outcome, `server's error ${code}: ${text}`, out);
  }

  #oack(now: Instant, peer: Endpoint, raw: readonly Option[], out: ClientEffect[]): void {
    if (this.#state.phase === "receiving" && this.#bytesReceived === 0 && this.#acked === 0 && this.#order.due === 1) {
      this.#acknowledge(now, out); // Our ACK of the OACK was lost.
      return;
    }
    if (this.#state.phase !== "requesting") return;
    this.#state = { phase: "receiving", peer };
    const { options, refused } = readOptions(raw);
    const fault = refused.length > 0 ? `option ${printable(refused[0]?.name ?? "")}` : oackFault(this.#asked, options);
    if (fault !== undefined) {
      this.#fail("error", `the server's OACK is wrong: ${fault}`, errorCode.optionsRefused, out);
      return;
    }
    const sizeFault = options.tsize === undefined ? undefined : this.#size.announce(options.tsize);
    if (sizeFault !== undefined) {
      this.#fail("error", sizeFault, errorCode.notDefined, out);
      return;
    }
    if (options.tsize) out.push({ type: "size", sizeBytes: options.tsize });
    this.#blksize = options.blksize ?? DEFAULT_BLKSIZE;
    this.#windowsize = options.windowsize ?? DEFAULT_WINDOWSIZE;
    this.#progress(now);
    this.#acknowledge(now, out);
  }

  // ---- blocks ----------------------------------------------------------------------------------------------------------

  #data(now: Instant, peer: Endpoint, bytes: Uint8Array, out: ClientEffect[]): void {
    const block = blockOf(bytes);
    if (this.#state.phase === "requesting") {
      // A server without options answers with the first block, in plain RFC 1350.
      if (block !== 1) return;
      this.#state = { phase: "receiving", peer };
    }
    if (this.#state.phase === "receiving") {
      // A server that does not wait for the ACK would have us hold its whole file; an honest one sends again what was not acknowledged.
      if (this.#ackHeld) return;
      const ahead = this.#order.aheadOf(block);
      if (ahead === 0) this.#nextBlock(now, bytes, out);
      else if (ahead <= this.#windowsize) this.#gap(now, block, ahead, bytes, out);
      else if (block === this.#acked) this.#repeatedBlock(now, out);
    } else if (block === this.#acked) {
      this.#repeatedBlock(now, out);
    }
  }

  #nextBlock(now: Instant, bytes: Uint8Array, out: ClientEffect[]): void {
    const length = bytes.length - DATA_HEADER_BYTES;
    const verdict = this.#size.judge(length, this.#blksize, this.#bytesReceived);
    if (verdict.type === "fault") this.#fail("error", verdict.detail, errorCode.illegalOperation, out);
    if (verdict.type !== "take") return;
    if (this.#measurable && this.#unacknowledged === 0 && this.#ackAt !== undefined) this.#roundTrip.sample(now - this.#ackAt);
    this.#measurable = false;
    this.#size.progress();
    if (length > 0) out.push({ type: "write", offset: this.#bytesReceived, bytes: bytes.subarray(DATA_HEADER_BYTES) });
    this.#bytesReceived += length;
    this.#order.advance();
    this.#unacknowledged++;
    this.#progress(now);
    if (length < this.#blksize) this.#received(now, out);
    else if (this.#unacknowledged >= this.#windowsize) this.#acknowledgeWhenWritten(now, out);
    else this.#wakeAt = this.#roundTrip.deadline(now);
  }

  /** What `nextBlock` would have done for each of the blocks. */
  #streamed({ blocks, unacknowledged, at, roundTripsMs }: Extract<ClientInput, { type: "streamed" }>, out: ClientEffect[]): void {
    for (let index = 0; index < roundTripsMs.length; index++) this.#roundTrip.sample(roundTripsMs[index] as number);
    this.#size.progress();
    this.#bytesReceived += blocks * this.#blksize;
    this.#order.advanceBy(blocks);
    if (unacknowledged < this.#unacknowledged + blocks) {
      this.#acked = this.#order.before(1 + unacknowledged);
      this.#ackAt = at;
    }
    this.#measurable = unacknowledged === 0;
    this.#unacknowledged = unacknowledged;
    this.#progress(at);
    if (unacknowledged >= this.#windowsize) this.#acknowledgeWhenWritten(at, out);
    else this.#wakeAt = this.#roundTrip.deadline(at);
  }

  #gap(now: Instant, block: number, ahead: number, bytes: Uint8Array, out: ClientEffect[]): void {
    if (this.#order.zeroSkipped(block, this.#windowsize)) this.#nextBlock(now, bytes, out);
    else if (this.#order.gapOpened(ahead)) this.#acknowledgeWhenWritten(now, out);
  }

  #repeatedBlock(now: Instant, out: ClientEffect[]): void {
    const crossedOurAck = this.#ackAt !== undefined && now - this.#ackAt < REPEATED_ACK_MS;
    if (!this.#ackHeld && this.#unacknowledged === 0 && !crossedOurAck) this.#acknowledge(now, out);
  }

  // ---- acknowledging ---------------------------------------------------------------------------------------------------

  #received(now: Instant, out: ClientEffect[]): void {
    if (this.#state.phase !== "receiving") return;
    this.#state = { phase: "finishing", peer: this.#state.peer };
    this.#holdAck(now);
    this.#written(now, this.#bytesWritten, out);
  }

  #acknowledgeWhenWritten(now: Instant, out: ClientEffect[]): void {
    if (this.#bytesReceived - this.#bytesWritten > this.#settings.backlogBytesMax) this.#holdAck(now);
    else this.#acknowledge(now, out);
  }

  #holdAck(now: Instant): void {
    this.#ackHeld = true;
    this.#wakeAt = now + SIGN_OF_LIFE_MS;
  }

  #acknowledge(now: Instant, out: ClientEffect[]): void {
    this.#measurable = this.#unacknowledged > 0 || this.#bytesReceived === 0;
    this.#acked = this.#order.previous;
    this.#unacknowledged = 0;
    this.#ackHeld = false;
    this.#ackAt = now;
    this.#sendAck(out);
    if (this.#state.phase === "receiving") this.#wakeAt = this.#roundTrip.deadline(now);
  }

  #sendAck(out: ClientEffect[]): void {
    if ("peer" in this.#state) out.push({ type: "send", to: this.#state.peer, bytes: encodePacket({ type: "ack", block: this.#acked }) });
  }

  #written(now: Instant, bytesWritten: number, out: ClientEffect[]): void {
    this.#bytesWritten = bytesWritten;
    if (!this.#ackHeld) return;
    if (this.#state.phase === "finishing") {
      if (bytesWritten < this.#bytesReceived) return;
      this.#state = { phase: "dallying", peer: this.#state.peer };
      this.#acknowledge(now, out);
      this.#wakeAt = now + this.#settings.dallyMs;
      out.push({ type: "ended", outcome: "complete", detail: "", bytesDone: this.#bytesReceived });
    } else if (this.#bytesReceived - bytesWritten <= this.#settings.backlogBytesMax) {
      this.#progressAt = now; // The wait was ours, not the server's.
      this.#acknowledge(now, out);
    }
  }

  // ---- time ------------------------------------------------------------------------------------------------------------

  #wake(now: Instant, out: ClientEffect[]): void {
    const { phase } = this.#state;
    if (phase === "dallying") {
      this.#close(out);
    } else if (this.#ackHeld) {
      if (this.#ackAt !== undefined) this.#sendAck(out);
      this.#wakeAt = now + SIGN_OF_LIFE_MS;
    } else if (now - this.#progressAt >= this.#patienceMs) {
      const detail =
        phase === "requesting" ? `no answer from ${endpointText(this.#request.server)}` : `no data after byte ${this.#bytesReceived}`;
      this.#fail("timeout", detail, errorCode.notDefined, out);
    } else if (phase === "receiving" && this.#bytesReceived === 0 && now - this.#progressAt >= FIRST_BLOCK_MS_MAX) {
      this.#askForLess(now, out);
    } else {
      this.#repeat(now, out);
    }
  }

  get #patienceMs(): number {
    const { unansweredMsMax, idleMsMax } = this.#settings;
    const settled = this.#state.phase === "requesting" ? Math.min(unansweredMsMax, idleMsMax) : idleMsMax;
    return Math.max(settled, this.#peerIdleMs);
  }

  /** The OACK came and no block did: somewhere on the path packets of this size get lost (RFC 2923 §2.1 calls it a black hole). */
  #askForLess(now: Instant, out: ClientEffect[]): void {
    const blksize = smallerBlksize(this.#blksize);
    if (blksize === undefined || !("peer" in this.#state)) {
      this.#repeat(now, out);
      return;
    }
    const { peer } = this.#state;
    // A server that transfers from its listening port answers the new request from there too.
    if (!sameEndpoint(peer, this.#request.server)) this.#abandoned = peer;
    this.#blksize = DEFAULT_BLKSIZE;
    this.#windowsize = DEFAULT_WINDOWSIZE;
    this.#sendError(errorCode.notDefined, "no block arrived, asking for smaller ones", out);
    this.#asked = { ...this.#asked, blksize };
    this.#ackAt = undefined;
    this.#roundTrip.progress();
    this.#ask(now, out);
  }

  #repeat(now: Instant, out: ClientEffect[]): void {
    this.#roundTrip.expired();
    // The ACK of a part of a window calls for more: that is the disk's to allow. One that went out before may be repeated.
    if (this.#state.phase === "requesting") this.#ask(now, out);
    else if (this.#unacknowledged > 0) this.#acknowledgeWhenWritten(now, out);
    else this.#acknowledge(now, out);
    this.#measurable = false;
    this.#order.forgetGap();
  }

  #progress(now: Instant): void {
    this.#progressAt = now;
    this.#roundTrip.progress();
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------

  #fail(outcome: FetchOutcome, detail: string, code: ErrorCode, out: ClientEffect[]): void {
    if (this.#state.phase !== "dallying") this.#sendError(code, detail, out);
    this.#end(outcome, detail, out);
  }

  #sendError(code: ErrorCode, message: string, out: ClientEffect[]): void {
    if ("peer" in this.#state) out.push({ type: "send", to: this.#state.peer, bytes: encodePacket({ type: "error", code, message }) });
  }

  #end(outcome: FetchOutcome, detail: string, out: ClientEffect[]): void {
    if (this.#state.phase !== "dallying") out.push({ type: "ended", outcome, detail, bytesDone: this.#bytesReceived });
    this.#close(out);
  }

  #close(out: ClientEffect[]): void {
    this.#state = { phase: "closed" };
    this.#wakeAt = undefined;
    out.push({ type: "close" });
  }
}

/** RFC 2347 §4's code, and the one of servers that know no options at all. */
const refusesOptions = (code: number): boolean => code === errorCode.optionsRefused || code === errorCode.illegalOperation;

const notYetText = /not yet/i;
const busyText = /busy|too many|try again/i;

function refusalOf(code: number, message: string): FetchOutcome {
  if (code !== errorCode.notDefined) return "refused";
  return notYetText.test(message) ? "not-yet" : busyText.test(message) ? "busy" : "refused";
}
