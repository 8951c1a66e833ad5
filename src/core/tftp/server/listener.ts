/**
 * The listening port: who is admitted, who is refused. It knows the offered names and never a path: any other name is for the host
 * to look up, or does not exist. The transfers themselves are `SendSession`s, which may run elsewhere.
 */
import type { Endpoint } from "../../../base/endpoint.js";
import type { IpAddress } from "../../../base/ip-address.js";
import type { Machine } from "../../../base/machine.js";
import { earliest, type Instant } from "../../../base/time.js";
import { type ErrorCode, errorCode } from "../../../wire/tftp/error-code.js";
import type { Options } from "../../../wire/tftp/options.js";
import { encodePacket, opcode, opcodeOf, REQUEST_BYTES_MAX } from "../../../wire/tftp/packet.js";
import { answerToStranger } from "../stranger.js";
import type {
  LookUpId,
  ServerEffect,
  ServerInput,
  ServerSettings,
  Serving,
  SessionInput,
  SessionOutcome,
  SessionPlan,
  SessionProgress,
  TftpSessionId,
} from "./contract.js";
import { DueFiles } from "./due-files.js";
import { grantOptions } from "./grant.js";
import { readRequest } from "./request.js";
import { RequestRates } from "./request-rates.js";
import { type Admission, TransferSlots } from "./slots.js";

export type ListenerInput =
  | Exclude<ServerInput, { type: "datagram" | "peer-gone" | "session-failed" | "session-ended" }>
  | { readonly type: "session-ended"; readonly session: TftpSessionId; readonly outcome: SessionOutcome; readonly bytesDone: number }
  /** A useless datagram at the port of a session. */
  | { readonly type: "dropped"; readonly datagrams: number };

export type ListenerEffect = Extract<
  ServerEffect,
  { type: "reply" | "look-up" | "forget-file" | "open-session" | "serving" | "session-input" }
>;

/** A datagram at the listening port. */
interface Request {
  readonly from: Endpoint;
  readonly local: string;
  readonly bytes: Uint8Array;
}

/** A request that waits for a session's end, which may be on the way. */
interface WaitingRequest extends Request {
  readonly until: Instant;
  /** `repetition`: of the running session's request, to which no answer is due. */
  readonly as: "newcomer" | "repetition";
}

interface LookUp extends Request {
  readonly fileName: string;
  readonly options: Options;
}

const SERVING_INTERVAL_MS = 500;
/** A last ACK and the request for the next file may pass each other on their ways through the kernel and a thread. */
const SESSION_END_MS_MAX = 250;
const WAITING_MAX = 64;
const NOT_YET_TEXT = "not yet: the file is still coming in, ask again";
const LOOK_UPS_MAX = 64;
/** A member that asks for a file in parts makes many requests; a forged one is still bounded. */
const MEMBER_RATE_FACTOR = 20;

export class TftpListener implements Machine<ListenerInput, ListenerEffect> {
  readonly #settings: ServerSettings;
  #sessionsMax: number;
  #rateMax: number | undefined;
  readonly #offered = new Map<string, number>();
  readonly #sessions = new TransferSlots();
  readonly #requestRates: RequestRates;
  readonly #due = new DueFiles<Request>();
  readonly #memberRates: RequestRates;
  /** Addresses whose peers come before any others. */
  #members: ReadonlySet<IpAddress> = new Set();
  #waiting: WaitingRequest[] = [];
  readonly #lookUps = new Map<LookUpId, LookUp>();
  #lastLookUp: LookUpId = 0;
  #lastSession: TftpSessionId = 0;
  #stopped = false;
  #bytesServed = 0;
  #refusals = 0;
  #sessionsComplete = 0;
  #sessionsFailed = 0;
  #datagramsDropped = 0;
  #servingDueAt: Instant | undefined;
  #servingAt: Instant = Number.NEGATIVE_INFINITY;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.#sessionsMax = settings.sessionsMax;
    this.#requestRates = new RequestRates(settings.requestsPerSecondMax);
    this.#memberRates = new RequestRates(settings.requestsPerSecondMax * MEMBER_RATE_FACTOR);
  }

  nextWakeAt(): Instant | undefined {
    const first = earliest(this.#servingDueAt, this.#due.nextAt());
    return this.#waiting.reduce<Instant | undefined>((earliest, { until }) => Math.min(earliest ?? until, until), first);
  }

  step(now: Instant, input: ListenerInput, out: ListenerEffect[]): void {
    switch (input.type) {
      case "request":
        if (!this.#stopped) this.#datagram(now, input, out);
        break;
      case "file-found":
        this.#found(now, input.lookUp, input.sizeBytes, out);
        break;
      case "file-missing":
        this.#missing(input.lookUp, input.code, input.message, out);
        break;
      case "session-progress":
        this.#progress(input.session, input.progress);
        this.#showSoon(now);
        break;
      case "session-ended":
        this.#ended(now, input.session, input.outcome, input.bytesDone, out);
        break;
      case "dropped":
        this.#datagramsDropped += input.datagrams;
        break;
      case "offer":
        this.#withdraw(input.fileName, out);
        this.#offered.set(input.fileName, input.sizeBytes);
        for (const request of this.#due.takeFor(input.fileName)) this.#request(now, request, now + SESSION_END_MS_MAX, out);
        break;
      case "expect":
        this.#due.expect(input.fileNames);
        for (const request of this.#due.takeAll()) this.#request(now, request, now + SESSION_END_MS_MAX, out);
        break;
      case "withdraw":
        this.#withdraw(input.fileName, out);
        break;
      case "sessions-max":
        this.#sessionsMax = input.sessionsMax;
        break;
      case "keep-slots":
        this.#members = new Set(input.addresses);
        break;
      case "rate-max":
        this.#rateMax = input.bytesPerSecond;
        this.#shareRate(out);
        break;
      case "stop":
        this.#stop(out);
        break;
      case "wake":
        this.#wake(now, out);
        break;
    }
  }

  // ---- requests --------------------------------------------------------------------------------------------------------

  #datagram(now: Instant, { from, local, bytes }: Request, out: ListenerEffect[]): void {
    const code = opcodeOf(bytes);
    if (code === opcode.readRequest || code === opcode.writeRequest) {
      // Nothing beyond is read, and a copy does not keep the receiver's buffer.
      const request = { from, local, bytes: bytes.slice(0, REQUEST_BYTES_MAX) };
      if (this.#rateOf(from.address).admits(now, from.address)) this.#request(now, request, now + SESSION_END_MS_MAX, out);
      else this.#datagramsDropped++;
      return;
    }
    const running = this.#settings.singlePort ? this.#sessions.ofPeer(from, local) : undefined;
    if (running !== undefined) {
      this.#tell(running, { type: "datagram", bytes }, out);
      return;
    }
    this.#datagramsDropped++;
    const answer = answerToStranger(bytes);
    if (answer !== undefined && this.#rateOf(from.address).admits(now, from.address))
      out.push({ type: "reply", to: from, local, bytes: answer });
  }

  #rateOf(address: IpAddress): RequestRates {
    return this.#members.has(address) ? this.#memberRates : this.#requestRates;
  }

  /** @param until when it has to be decided */
  #request(now: Instant, request: Request, until: Instant, out: ListenerEffect[]): void {
    const { from, local, bytes } = request;
    const running = this.#sessions.ofPeer(from, local);
    if (running !== undefined && !running.isEnding && sameBytes(running.request, bytes)) {
      this.#tell(running, { type: "repeated-request", requestBytes: bytes.length }, out);
      // A peer that has the whole file may want it again.
      if (running.progress.bytesDone > 0) this.#wait(now, { ...request, until, as: "repetition" });
      return;
    }
    const asked = readRequest(bytes);
    if (asked.type === "refused") {
      this.#refuse(request, asked.code, asked.message, out);
      return;
    }
    if (running !== undefined) {
      this.#end(running, { type: "superseded", detail: "the peer asked for something else from the same port" }, out);
      this.#wait(now, { ...request, until, as: "newcomer" });
      return;
    }
    const { fileName, options } = asked;
    const sizeBytes = this.#offered.get(fileName);
    if (sizeBytes === undefined && this.#due.has(fileName)) {
      if (!this.#due.hold(now, fileName, request)) this.#datagramsDropped++;
      return;
    }
    if (sizeBytes === undefined && !this.#settings.looksUp) {
      this.#refuse(request, errorCode.fileNotFound, "file not found", out);
      return;
    }
    const room = this.#roomFor(now, from.address, until);
    if (room === "none") {
      this.#refuseBusy(now, request, out);
    } else if (room !== "free") {
      if (room !== "later") this.#end(room, { type: "withdrawn", detail: this.#busyText }, out);
      this.#wait(now, { ...request, until, as: "newcomer" });
    } else if (sizeBytes === undefined) {
      this.#lookUp({ ...request, fileName, options }, out);
    } else {
      this.#admit(now, { ...request, fileName, options }, sizeBytes, undefined, out);
    }
  }

  /** Whether there is a slot for a peer at `address`: a free one, one that is free in a moment, or one of a session that gives way. */
  #roomFor(now: Instant, address: string, until: Instant): "free" | "later" | "none" | Admission {
    if (this.#sessions.size < this.#sessionsMax) return "free";
    if (now >= until) return "none";
    if (this.#sessions.hasEnding()) return "later";
    return (this.#sessions.size === this.#sessionsMax ? this.#sessions.yielding(now, address, this.#members) : undefined) ?? "none";
  }

  /** For the end of a session. */
  #wait(now: Instant, request: WaitingRequest): void {
    if (now < request.until && this.#waiting.length < WAITING_MAX) this.#waiting.push(request);
    else if (request.as === "newcomer") this.#datagramsDropped++;
  }

  #tryWaiting(now: Instant, out: ListenerEffect[]): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const request of waiting) {
      const isRepetition = request.as === "repetition" && this.#sessions.ofPeer(request.from, request.local) !== undefined;
      if (!isRepetition) this.#request(now, request, request.until, out);
      else this.#wait(now, request);
    }
  }

  #lookUp(lookUp: LookUp, out: ListenerEffect[]): void {
    for (const [id, pending] of this.#lookUps) {
      if (pending.from.port !== lookUp.from.port || pending.from.address !== lookUp.from.address || pending.local !== lookUp.local)
        continue;
      if (sameBytes(pending.bytes, lookUp.bytes)) return;
      this.#lookUps.delete(id);
    }
    if (this.#lookUps.size >= LOOK_UPS_MAX) {
      this.#datagramsDropped++;
      return;
    }
    const id = ++this.#lastLookUp;
    this.#lookUps.set(id, lookUp);
    out.push({ type: "look-up", lookUp: id, fileName: lookUp.fileName });
  }

  #found(now: Instant, id: LookUpId, sizeBytes: number, out: ListenerEffect[]): void {
    const lookUp = this.#lookUps.get(id);
    this.#lookUps.delete(id);
    if (lookUp !== undefined && !this.#stopped && this.#sessions.size < this.#sessionsMax) {
      this.#admit(now, lookUp, sizeBytes, id, out);
      return;
    }
    out.push({ type: "forget-file", lookUp: id });
    if (lookUp !== undefined) this.#refuseBusy(now, lookUp, out);
  }

  #missing(id: LookUpId, code: ErrorCode, message: string, out: ListenerEffect[]): void {
    const lookUp = this.#lookUps.get(id);
    this.#lookUps.delete(id);
    if (lookUp !== undefined) this.#refuse(lookUp, code, message, out);
  }

  #refuse({ from, local }: Request, code: ErrorCode, message: string, out: ListenerEffect[]): void {
    out.push({ type: "reply", to: from, local, bytes: encodePacket({ type: "error", code, message }) });
  }

  #refuseBusy(now: Instant, request: Request, out: ListenerEffect[]): void {
    this.#refusals++;
    this.#showSoon(now);
    this.#refuse(request, errorCode.notDefined, this.#busyText, out);
  }

  get #busyText(): string {
    return `busy: all ${this.#sessionsMax} sessions are in use, try again later`;
  }

  // ---- sessions --------------------------------------------------------------------------------------------------------

  #admit(now: Instant, asked: LookUp, sizeBytes: number, lookUp: LookUpId | undefined, out: ListenerEffect[]): void {
    const { singlePort, idleMsMax, firstAckMsMax } = this.#settings;
    const { from: peer, local, bytes, fileName, options } = asked;
    const session = ++this.#lastSession;
    const plan: SessionPlan = {
      ...{ session, peer, local, singlePort, fileName, lookUp, sizeBytes, firstAckMsMax, idleMsMax },
      ...grantOptions(options, sizeBytes, this.#settings),
      requestBytes: bytes.length,
      rateBytesPerSecond: this.#shareOf(this.#sessions.size + 1),
    };
    this.#sessions.add(now, plan, bytes);
    this.#shareRate(out, session);
    out.push({ type: "open-session", plan });
    this.#show(now, out);
  }

  #tell({ plan }: Admission, input: SessionInput, out: ListenerEffect[]): void {
    out.push({ type: "session-input", session: plan.session, input });
  }

  /** Its slot is free when it has ended. */
  #end(admission: Admission, input: SessionInput, out: ListenerEffect[]): void {
    if (!admission.isEnding) this.#tell(admission, input, out);
    admission.isEnding = true;
  }

  #progress(session: TftpSessionId, progress: SessionProgress): void {
    const admission = this.#sessions.get(session);
    if (admission === undefined) return;
    this.#bytesServed += progress.bytesDone - admission.progress.bytesDone;
    admission.progress = progress;
  }

  #ended(now: Instant, session: TftpSessionId, outcome: SessionOutcome, bytesDone: number, out: ListenerEffect[]): void {
    const ended = this.#sessions.get(session);
    if (ended === undefined) return;
    this.#progress(session, { ...ended.progress, bytesDone });
    this.#sessions.remove(session);
    if (outcome === "complete") this.#sessionsComplete++;
    else this.#sessionsFailed++;
    this.#shareRate(out);
    this.#show(now, out);
    this.#tryWaiting(now, out);
  }

  #withdraw(fileName: string, out: ListenerEffect[]): void {
    if (this.#offered.delete(fileName)) this.#endTransfersOf(fileName, out);
  }

  #endTransfersOf(fileName: string | undefined, out: ListenerEffect[]): void {
    for (const admission of this.#sessions.all()) {
      if (fileName === undefined || admission.plan.fileName === fileName)
        this.#tell(admission, { type: "withdrawn", detail: "the file was withdrawn" }, out);
    }
  }

  #stop(out: ListenerEffect[]): void {
    this.#stopped = true;
    this.#waiting = [];
    this.#due.expect([]);
    this.#due.takeAll();
    this.#offered.clear();
    this.#endTransfersOf(undefined, out);
  }

  // ---- rates -----------------------------------------------------------------------------------------------------------

  #shareOf(sessions: number): number | undefined {
    const { rateBytesPerSecond: total = Number.POSITIVE_INFINITY, sessionRateBytesPerSecond: each = Number.POSITIVE_INFINITY } =
      this.#settings;
    const share = Math.min(Math.min(total, this.#rateMax ?? total) / sessions, each);
    return Number.isFinite(share) ? share : undefined;
  }

  #shareRate(out: ListenerEffect[], newest?: TftpSessionId): void {
    const bytesPerSecond = this.#shareOf(this.#sessions.size);
    for (const admission of this.#sessions.all()) {
      if (admission.plan.session === newest || admission.rateBytesPerSecond === bytesPerSecond) continue;
      admission.rateBytesPerSecond = bytesPerSecond;
      this.#tell(admission, { type: "rate", bytesPerSecond }, out);
    }
  }

  // ---- what is shown ---------------------------------------------------------------------------------------------------

  #wake(now: Instant, out: ListenerEffect[]): void {
    if (this.#servingDueAt !== undefined && now >= this.#servingDueAt) this.#show(now, out);
    for (const request of this.#due.takeOverdue(now)) this.#refuse(request, errorCode.notDefined, NOT_YET_TEXT, out);
    if (this.#waiting.some(({ until }) => now >= until)) this.#tryWaiting(now, out);
  }

  #showSoon(now: Instant): void {
    this.#servingDueAt ??= Math.max(now, this.#servingAt + SERVING_INTERVAL_MS);
  }

  #show(now: Instant, out: ListenerEffect[]): void {
    this.#servingAt = now;
    this.#servingDueAt = undefined;
    out.push({ type: "serving", ...this.serving() });
  }

  serving(): Serving {
    return {
      sessions: Array.from(this.#sessions.all(), ({ plan, progress }) => ({
        peer: plan.peer,
        fileName: plan.fileName,
        bytesDone: progress.bytesDone,
        sizeBytes: plan.sizeBytes,
      })),
      bytesServed: this.#bytesServed,
      refusals: this.#refusals,
      sessionsComplete: this.#sessionsComplete,
      sessionsFailed: this.#sessionsFailed,
      datagramsDropped: this.#datagramsDropped,
    };
  }
}

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((octet, index) => octet === other[index]);
