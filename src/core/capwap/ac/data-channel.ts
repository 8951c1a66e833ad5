/** The AC's end of the data channel: it answers keep-alives (RFC 5415 §4.4.1) and carries nothing else. */
import type { Endpoint } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import { readKeepAlive } from "../../../wire/capwap/keep-alive.js";
import type { Dropped, DropReason, SendDatagram, Sink } from "../contract.js";
import { RateLimit } from "../link/rate-limit.js";
import type { SessionTable } from "./session-table.js";

/** A WTP sends one each 30 s (§4.7.3), so this is for hundreds of thousands of them. */
const answersPerSecond = 10_000;

export class DataChannel<Tag> {
  readonly #sessions: SessionTable<Tag>;
  readonly #answers = new RateLimit(answersPerSecond);

  constructor(sessions: SessionTable<Tag>) {
    this.#sessions = sessions;
  }

  /** A datagram from the data port. A keep-alive with the Session ID of a session goes back as it came. */
  datagram(now: Instant, from: Endpoint, bytes: Uint8Array, out: Sink<SendDatagram | Dropped>): void {
    const drop = (reason: DropReason, detail: string): unknown => out.push({ type: "dropped", reason, from, detail });
    const sessionId = readKeepAlive(bytes);
    if (sessionId === undefined) drop("not-control", "a data channel packet that is not a keep-alive");
    else if (this.#sessions.seatOfCapwapId(sessionId)?.wtp.peer.address !== from.address)
      drop("unknown-peer", "a keep-alive of no session");
    else if (!this.#answers.admits(now)) drop("rate-limit", "a keep-alive");
    else out.push({ type: "send", channel: "data", to: from, bytes, carriage: "clear" });
  }
}
