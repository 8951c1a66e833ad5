/** The whole server as one machine: the listener and its sessions side by side. The daemon may run the sessions elsewhere instead. */
import { type Endpoint, sameEndpoint } from "../../base/endpoint.js";
import { type Machine, wake } from "../../base/machine.js";
import type { Instant } from "../../base/time.js";
import type { ServerEffect, ServerInput, ServerSettings, TftpSessionId } from "./contract.js";
import { type ListenerEffect, type ListenerInput, TftpListener } from "./listener.js";
import { SendSession, type SessionEffect, type SessionInput } from "./send-session.js";
import { deservesUnknownTransferId, unknownTransferId } from "./stranger.js";

export class TftpServer implements Machine<ServerInput, ServerEffect> {
  readonly #listener: TftpListener;
  readonly #sessions = new Map<TftpSessionId, SendSession>();

  constructor(settings: ServerSettings) {
    this.#listener = new TftpListener(settings);
  }

  nextWakeAt(): Instant | undefined {
    let earliest = this.#listener.nextWakeAt();
    for (const session of this.#sessions.values()) {
      const at = session.nextWakeAt();
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
      case "wake":
        for (const session of [...this.#sessions.keys()]) this.#session(now, session, wake, out);
        this.#listen(now, wake, out);
        break;
      default:
        this.#listen(now, input, out);
    }
  }

  #datagram(now: Instant, session: TftpSessionId, from: Endpoint, bytes: Uint8Array, out: ServerEffect[]): void {
    const running = this.#sessions.get(session);
    if (running === undefined) return;
    if (sameEndpoint(from, running.plan.peer)) {
      this.#session(now, session, { type: "datagram", bytes }, out);
    } else {
      this.#listen(now, { type: "dropped", datagrams: 1 }, out);
      if (deservesUnknownTransferId(bytes)) out.push({ type: "send", session, to: from, bytes: unknownTransferId });
    }
  }

  #listen(now: Instant, input: ListenerInput, out: ServerEffect[]): void {
    const effects: ListenerEffect[] = [];
    this.#listener.step(now, input, effects);
    for (const effect of effects) {
      switch (effect.type) {
        case "open-session":
          this.#sessions.set(effect.plan.session, new SendSession(effect.plan));
          out.push(effect);
          this.#session(now, effect.plan.session, { type: "start" }, out);
          break;
        case "session-input":
          this.#session(now, effect.session, effect.input, out);
          break;
        default:
          out.push(effect);
      }
    }
  }

  #session(now: Instant, id: TftpSessionId, input: SessionInput, out: ServerEffect[]): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    const { peer, fileName, blksize, sizeBytes } = session.plan;
    const bytesBefore = session.bytesDone;
    const effects: SessionEffect[] = [];
    session.step(now, input, effects);
    for (const effect of effects) {
      switch (effect.type) {
        case "send":
          out.push({ type: "send", session: id, to: peer, bytes: effect.bytes });
          break;
        case "send-blocks":
          out.push({ ...effect, session: id, to: peer, fileName, blksize, sizeBytes });
          break;
        case "ended":
          this.#sessions.delete(id);
          out.push({ type: "close-session", session: id, outcome: effect.outcome, detail: effect.detail });
          this.#listen(now, { type: "session-ended", session: id, outcome: effect.outcome, bytesDone: session.bytesDone }, out);
          return;
      }
    }
    if (session.bytesDone !== bytesBefore) this.#listen(now, { type: "session-progress", session: id, bytesDone: session.bytesDone }, out);
  }
}
