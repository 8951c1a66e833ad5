/**
 * The whole server as one machine: the listener and its sessions. Sessions are stepped here, or elsewhere by a host that runs
 * each in a thread: then their inputs leave as `session-input`, and `session-progress` and `session-ended` come back.
 */
import { type Endpoint, sameEndpoint } from "../../../base/endpoint.js";
import { type Machine, wake } from "../../../base/machine.js";
import { relay } from "../../../base/relay.js";
import type { Instant } from "../../../base/time.js";
import { answerToStranger } from "../stranger.js";
import type {
  ServerEffect,
  ServerInput,
  ServerSettings,
  Serving,
  SessionEffect,
  SessionInput,
  SessionOutcome,
  SessionPlan,
  SessionProgress,
  TftpSessionId,
} from "./contract.js";
import { type ListenerEffect, type ListenerInput, TftpListener } from "./listener.js";
import { SendSession } from "./send-session.js";

interface Admitted {
  readonly plan: SessionPlan;
  /** Undefined where it runs elsewhere. */
  readonly machine: SendSession | undefined;
}

export class TftpServer implements Machine<ServerInput, ServerEffect> {
  readonly #listener: TftpListener;
  readonly #sessionsRun: "here" | "elsewhere";
  readonly #sessions = new Map<TftpSessionId, Admitted>();

  constructor(settings: ServerSettings, sessionsRun: "here" | "elsewhere" = "here") {
    this.#listener = new TftpListener(settings);
    this.#sessionsRun = sessionsRun;
  }

  serving(): Serving {
    return this.#listener.serving();
  }

  nextWakeAt(): Instant | undefined {
    let earliest = this.#listener.nextWakeAt();
    for (const { machine } of this.#sessions.values()) {
      const at = machine?.nextWakeAt();
      if (at !== undefined && (earliest === undefined || at < earliest)) earliest = at;
    }
    return earliest;
  }

  step(now: Instant, input: ServerInput, out: ServerEffect[]): void {
    switch (input.type) {
      case "datagram":
        this.#datagram(now, input.session, input.from, input.bytes, out);
        break;
      case "peer-gone":
        this.#session(now, input.session, { type: "peer-gone" }, out);
        break;
      case "session-failed":
        this.#session(now, input.session, { type: "failed", detail: input.detail }, out);
        break;
      case "session-ended":
        this.#ended(now, input.session, input.outcome, input.detail, input.bytesDone, out);
        break;
      case "wake":
        if (this.#sessionsRun === "here") for (const session of [...this.#sessions.keys()]) this.#session(now, session, wake, out);
        this.#listen(now, wake, out);
        break;
      default:
        this.#listen(now, input, out);
    }
  }

  #datagram(now: Instant, id: TftpSessionId, from: Endpoint, bytes: Uint8Array, out: ServerEffect[]): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    if (sameEndpoint(from, session.plan.peer)) {
      this.#session(now, id, { type: "datagram", bytes }, out);
      return;
    }
    this.#listen(now, { type: "dropped", datagrams: 1 }, out);
    const answer = answerToStranger(bytes);
    if (answer !== undefined) out.push({ type: "send", session: id, to: from, bytes: answer });
  }

  #listen(now: Instant, input: ListenerInput, out: ServerEffect[]): void {
    relay<TftpListener, ListenerEffect>(
      this.#listener,
      (listener, effects) => listener.step(now, input, effects),
      (effect) => {
        switch (effect.type) {
          case "open-session":
            out.push(effect);
            this.#admit(now, effect.plan, out);
            break;
          case "session-input":
            this.#session(now, effect.session, effect.input, out);
            break;
          default:
            out.push(effect);
        }
      },
    );
  }

  #admit(now: Instant, plan: SessionPlan, out: ServerEffect[]): void {
    const isHere = this.#sessionsRun === "here";
    this.#sessions.set(plan.session, { plan, machine: isHere ? new SendSession(plan) : undefined });
    if (isHere) this.#session(now, plan.session, { type: "start" }, out);
  }

  #session(now: Instant, id: TftpSessionId, input: SessionInput, out: ServerEffect[]): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    const { plan, machine } = session;
    if (machine === undefined) {
      out.push({ type: "session-input", session: id, input });
      return;
    }
    const { peer, fileName, blksize, sizeBytes } = plan;
    const before = machine.progress;
    relay<SendSession, SessionEffect>(
      machine,
      (machine, effects) => machine.step(now, input, effects),
      (effect) => {
        switch (effect.type) {
          case "send":
            out.push({ type: "send", session: id, to: peer, bytes: effect.bytes });
            break;
          case "send-blocks":
            out.push({ ...effect, session: id, to: peer, fileName, blksize, sizeBytes });
            break;
          case "ended":
            this.#ended(now, id, effect.outcome, effect.detail, machine.bytesDone, out);
            break;
        }
      },
    );
    const { progress } = machine;
    if (this.#sessions.has(id) && !sameProgress(progress, before))
      this.#listen(now, { type: "session-progress", session: id, progress }, out);
  }

  #ended(now: Instant, session: TftpSessionId, outcome: SessionOutcome, detail: string, bytesDone: number, out: ServerEffect[]): void {
    if (!this.#sessions.delete(session)) return;
    out.push({ type: "close-session", session, outcome, detail });
    this.#listen(now, { type: "session-ended", session, outcome, bytesDone }, out);
  }
}

const sameProgress = (one: SessionProgress, other: SessionProgress): boolean =>
  one.bytesDone === other.bytesDone && one.isProven === other.isProven && one.isAllSent === other.isAllSent;
