/**
 * The listening port: who is admitted, who is refused. It knows the offered names and the running sessions and never a
 * path: a name that was not offered does not exist. The transfers themselves are `SendSession`s, which may run elsewhere.
 */
import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import type { Machine } from "../../../base/machine.js";
import type { Instant } from "../../../base/time.js";
import { type ErrorCode, errorCode } from "../../../wire/tftp/error-code.js";
import { DEFAULT_BLKSIZE, DEFAULT_WINDOWSIZE, type Options, readOptions, writeOptions } from "../../../wire/tftp/options.js";
import { DATA_HEADER_BYTES, decodePacket, encodePacket, opcode, opcodeOf, type ReadRequest } from "../../../wire/tftp/packet.js";
import { Rate } from "../rate.js";
import { answerToStranger } from "../stranger.js";
import type { ServerEffect, ServerInput, ServerSettings, Serving, SessionOutcome, SessionPlan, TftpSessionId } from "./contract.js";

export type ListenerInput =
  | Exclude<ServerInput, { type: "datagram" | "peer-gone" | "session-failed" | "session-ended" }>
  | { readonly type: "session-ended"; readonly session: TftpSessionId; readonly outcome: SessionOutcome; readonly bytesDone: number }
  /** A useless datagram at the port of a session. */
  | { readonly type: "dropped"; readonly datagrams: number };

export type ListenerEffect = Extract<ServerEffect, { type: "reply" | "open-session" | "serving" | "session-input" }>;

/** Addresses whose request rate is remembered; the one seen first is forgotten first. */
const REMEMBERED_ADDRESSES_MAX = 1024;
const SERVING_INTERVAL_MS = 500;

interface Session {
  readonly plan: SessionPlan;
  bytesDone: number;
}

export class TftpListener implements Machine<ListenerInput, ListenerEffect> {
  readonly #settings: ServerSettings;
  #sessionsMax: number;
  readonly #offered = new Map<string, number>();
  readonly #sessions = new Map<TftpSessionId, Session>();
  readonly #sessionOfPeer = new Map<string, TftpSessionId>();
  readonly #requestRates = new Map<string, Rate>();
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
  }

  nextWakeAt(): Instant | undefined {
    return this.#servingDueAt;
  }

  step(now: Instant, input: ListenerInput, out: ListenerEffect[]): void {
    switch (input.type) {
      case "request":
        if (!this.#stopped) this.#datagram(now, input.from, input.local, input.bytes, out);
        break;
      case "session-progress":
        this.#count(input.session, input.bytesDone);
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
        break;
      case "withdraw":
        this.#withdraw(input.fileName, out);
        break;
      case "sessions-max":
        this.#sessionsMax = input.sessionsMax;
        break;
      case "stop":
        this.#stopped = true;
        for (const fileName of [...this.#offered.keys()]) this.#withdraw(fileName, out);
        break;
      case "wake":
        if (this.#servingDueAt !== undefined && now >= this.#servingDueAt) this.#show(now, out);
        break;
    }
  }

  #datagram(now: Instant, from: Endpoint, local: string, bytes: Uint8Array, out: ListenerEffect[]): void {
    const running = this.#sessionOfPeer.get(peerKey(from, local));
    const code = opcodeOf(bytes);
    if (code === opcode.readRequest || code === opcode.writeRequest) {
      if (!this.#mayRequest(now, from.address)) {
        this.#datagramsDropped++;
        return;
      }
      const decoded = decodePacket(bytes);
      // Damaged on the way: its sender asks again, which an ERROR would keep it from.
      if (!decoded.ok) this.#datagramsDropped++;
      else if (decoded.packet.type !== "read-request")
        this.#refuse(from, local, errorCode.accessViolation, "this server is read only", out);
      else this.#request(now, from, local, decoded.packet, running, out);
    } else if (this.#settings.singlePort && running !== undefined) {
      out.push({ type: "session-input", session: running, input: { type: "datagram", bytes } });
    } else {
      this.#datagramsDropped++;
      const answer = answerToStranger(bytes);
      if (answer !== undefined && this.#mayRequest(now, from.address)) out.push({ type: "reply", to: from, local, bytes: answer });
    }
  }

  #request(
    now: Instant,
    from: Endpoint,
    local: string,
    request: ReadRequest,
    running: TftpSessionId | undefined,
    out: ListenerEffect[],
  ): void {
    const fileName = request.fileName.replace(/^\//, "");
    const mode = request.mode.toLowerCase();
    if (running !== undefined) {
      out.push({ type: "session-input", session: running, input: { type: "repeated-request" } });
      return;
    }
    if (mode !== "octet") {
      const refusal = mode === "netascii" || mode === "mail" ? `mode ${mode} is not served, use octet` : "unknown mode, use octet";
      this.#refuse(from, local, errorCode.illegalOperation, refusal, out);
      return;
    }
    const sizeBytes = this.#offered.get(fileName);
    if (sizeBytes === undefined) {
      this.#refuse(from, local, errorCode.fileNotFound, "file not found", out);
    } else if (this.#sessions.size >= this.#sessionsMax) {
      this.#refusals++;
      this.#showSoon(now);
      const text = `busy: all ${this.#sessionsMax} sessions are in use, try again later`;
      out.push({ type: "reply", to: from, local, bytes: encodePacket({ type: "error", code: errorCode.notDefined, message: text }) });
    } else {
      this.#admit(now, from, local, fileName, sizeBytes, readOptions(request.options).options, out);
    }
  }

  #admit(now: Instant, peer: Endpoint, local: string, fileName: string, sizeBytes: number, asked: Options, out: ListenerEffect[]): void {
    const { blksizeMax, windowBytesMax, singlePort, idleMsMax } = this.#settings;
    const blksize = Math.min(asked.blksize ?? DEFAULT_BLKSIZE, blksizeMax);
    const windowMax = Math.max(1, Math.floor(windowBytesMax / (DATA_HEADER_BYTES + blksize)));
    const windowsize = Math.min(asked.windowsize ?? DEFAULT_WINDOWSIZE, windowMax);
    const granted: Options = {
      ...(asked.blksize !== undefined && { blksize }),
      ...(asked.tsize !== undefined && { tsize: sizeBytes }),
      ...(asked.timeoutSeconds !== undefined && { timeoutSeconds: asked.timeoutSeconds }),
      ...(asked.windowsize !== undefined && { windowsize }),
    };
    const options = writeOptions(granted);
    const session = ++this.#lastSession;
    const plan: SessionPlan = {
      session,
      peer,
      local,
      singlePort,
      fileName,
      sizeBytes,
      blksize,
      windowsize,
      timeoutMs: asked.timeoutSeconds === undefined ? undefined : asked.timeoutSeconds * 1000,
      idleMsMax,
      oack: options.length === 0 ? undefined : encodePacket({ type: "oack", options }),
      rateBytesPerSecond: this.#shareOf(this.#sessions.size + 1),
    };
    this.#sessions.set(session, { plan, bytesDone: 0 });
    this.#sessionOfPeer.set(peerKey(peer, local), session);
    this.#shareRate(out, session);
    out.push({ type: "open-session", plan });
    this.#show(now, out);
  }

  #ended(now: Instant, session: TftpSessionId, outcome: SessionOutcome, bytesDone: number, out: ListenerEffect[]): void {
    this.#count(session, bytesDone);
    const ended = this.#sessions.get(session);
    if (ended === undefined) return;
    this.#sessions.delete(session);
    this.#sessionOfPeer.delete(peerKey(ended.plan.peer, ended.plan.local));
    if (outcome === "complete") this.#sessionsComplete++;
    else this.#sessionsFailed++;
    this.#shareRate(out);
    this.#show(now, out);
  }

  #count(session: TftpSessionId, bytesDone: number): void {
    const running = this.#sessions.get(session);
    if (running === undefined) return;
    this.#bytesServed += bytesDone - running.bytesDone;
    running.bytesDone = bytesDone;
  }

  #withdraw(fileName: string, out: ListenerEffect[]): void {
    if (!this.#offered.delete(fileName)) return;
    for (const [session, { plan }] of this.#sessions) {
      if (plan.fileName === fileName) {
        out.push({ type: "session-input", session, input: { type: "withdrawn", detail: "the file was withdrawn" } });
      }
    }
  }

  #refuse(to: Endpoint, local: string, code: ErrorCode, message: string, out: ListenerEffect[]): void {
    out.push({ type: "reply", to, local, bytes: encodePacket({ type: "error", code, message }) });
  }

  #mayRequest(now: Instant, address: string): boolean {
    let rate = this.#requestRates.get(address);
    if (rate === undefined) {
      if (this.#requestRates.size >= REMEMBERED_ADDRESSES_MAX) {
        for (const oldest of this.#requestRates.keys()) {
          this.#requestRates.delete(oldest);
          break;
        }
      }
      rate = new Rate(this.#settings.requestsPerSecondMax, 2 * this.#settings.requestsPerSecondMax);
      this.#requestRates.set(address, rate);
    }
    if (rate.available(now) < 1) return false;
    rate.take(1);
    return true;
  }

  #shareOf(sessions: number): number | undefined {
    const { rateBytesPerSecond: total, sessionRateBytesPerSecond: each } = this.#settings;
    const share = Math.min(total === undefined ? Number.POSITIVE_INFINITY : total / sessions, each ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(share) ? share : undefined;
  }

  #shareRate(out: ListenerEffect[], newest?: TftpSessionId): void {
    if (this.#settings.rateBytesPerSecond === undefined) return;
    const bytesPerSecond = this.#shareOf(this.#sessions.size);
    for (const session of this.#sessions.keys()) {
      if (session !== newest) out.push({ type: "session-input", session, input: { type: "rate", bytesPerSecond } });
    }
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
      sessions: Array.from(this.#sessions.values(), ({ plan, bytesDone }) => ({
        peer: plan.peer,
        fileName: plan.fileName,
        bytesDone,
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

const peerKey = (peer: Endpoint, local: string): string => `${endpointText(peer)} ${local}`;
