/**
 * A TCP sender without end beside a transfer: CUBIC (RFC 9438) as Linux has it, with SACK, RACK and a tail loss probe (RFC 8985), HyStart
 * by delay (RFC 9406), a retransmission time-out of 200 ms and more, and a receiver that acknowledges every second segment (RFC 9293 §3.8.6.3).
 * Sending is clocked by acknowledgements and not paced, so its segments come in pairs.
 */
import type { Path } from "./virtual-path.js";

const segmentBytes = 1448;
/** TCP's header with timestamps over that of UDP, which is what `Link` adds. */
const tcpMoreBytes = 12 + 12;
const beta = 0.7;
const cubicC = 0.4;
const delayedAckMs = 40;
const rtoMsMin = 200;

export class CubicNeighbour {
  deliveredBytes = 0;
  readonly #path: Path;
  #window = 10;
  #threshold = Number.POSITIVE_INFINITY;
  #peak = 0;
  #cutAt = 0;
  #next = 0;
  #highestArrived = -1;
  #recoverUntil = -1;
  #rttMs = 0;
  #minRttMs = Number.POSITIVE_INFINITY;
  #lastAckAt: number;
  #backoff = 1;
  #probed = false;
  readonly #outstanding = new Map<number, number>();
  #unacknowledged: number[] = [];
  #ackAt = Number.POSITIVE_INFINITY;
  #expected = 0;

  get window(): number {
    return Math.round(this.#window);
  }

  constructor(path: Path) {
    this.#path = path;
    this.#lastAckAt = path.time.now;
    this.#send();
    this.#watch();
  }

  #send(): void {
    while (this.#outstanding.size < Math.floor(this.#window)) this.#sendOne();
  }

  #sendOne(): void {
    const number = this.#next++;
    this.#outstanding.set(number, this.#path.time.now);
    this.#path.carry(this.#path.forward, segmentBytes + tcpMoreBytes, () => this.#arrived(number));
  }

  /** The receiver. Retransmissions are new numbers, so a gap is never filled: what follows one is acknowledged at once only the first time. */
  #arrived(number: number): void {
    this.#unacknowledged.push(number);
    const inOrder = number === this.#expected;
    this.#expected = number + 1;
    if (!inOrder || this.#unacknowledged.length >= 2) this.#acknowledgeAll();
    else {
      const at = this.#path.time.now + delayedAckMs;
      this.#ackAt = at;
      this.#path.time.at(at, () => {
        if (this.#ackAt === at) this.#acknowledgeAll();
      });
    }
  }

  #acknowledgeAll(): void {
    const numbers = this.#unacknowledged;
    this.#unacknowledged = [];
    this.#ackAt = Number.POSITIVE_INFINITY;
    if (numbers.length > 0) this.#path.carry(this.#path.back, tcpMoreBytes, () => this.#acknowledged(numbers));
  }

  #acknowledged(numbers: readonly number[]): void {
    const now = this.#path.time.now;
    let newly = 0;
    for (const number of numbers) {
      const sentAt = this.#outstanding.get(number);
      if (sentAt === undefined) continue;
      this.#outstanding.delete(number);
      newly++;
      this.deliveredBytes += segmentBytes;
      this.#rttMs = now - sentAt;
      this.#minRttMs = Math.min(this.#minRttMs, this.#rttMs);
      this.#highestArrived = Math.max(this.#highestArrived, number);
    }
    if (newly === 0) return;
    this.#lastAckAt = now;
    this.#backoff = 1;
    this.#probed = false;
    let lost = false;
    for (const other of this.#outstanding.keys()) {
      if (other > this.#highestArrived - 3) break;
      this.#outstanding.delete(other);
      if (other > this.#recoverUntil) lost = true;
    }
    if (lost) this.#cut(now);
    else if (this.#highestArrived > this.#recoverUntil) for (let each = 0; each < newly; each++) this.#grow(now);
    this.#send();
  }

  #cut(now: number): void {
    // Fast convergence, RFC 9438 §4.7.
    this.#peak = this.#window < this.#peak ? (this.#window * (1 + beta)) / 2 : this.#window;
    this.#window = Math.max(2, this.#window * beta);
    this.#threshold = this.#window;
    this.#cutAt = now;
    this.#recoverUntil = this.#next - 1;
  }

  #grow(now: number): void {
    if (this.#window < this.#threshold) {
      this.#window++;
      if (this.#window > 16 && this.#rttMs > this.#minRttMs + Math.max(4, Math.min(16, this.#minRttMs / 8))) this.#threshold = this.#window;
      if (this.#window >= this.#threshold && this.#peak === 0) {
        this.#peak = this.#window;
        this.#cutAt = now;
      }
      return;
    }
    const seconds = (now - this.#cutAt + this.#rttMs) / 1000;
    const start = this.#threshold;
    const bend = Math.cbrt(Math.max(0, this.#peak - start) / cubicC);
    const cubic = cubicC * (seconds - bend) ** 3 + this.#peak;
    const reno = start + ((3 * (1 - beta)) / (1 + beta)) * ((now - this.#cutAt) / this.#rttMs);
    const target = Math.min(1.5 * this.#window, Math.max(cubic, reno));
    if (target > this.#window) this.#window += (target - this.#window) / this.#window;
  }

  /** Silence: first a tail loss probe, then all that is outstanding is lost and it starts over. */
  #watch(): void {
    const { time } = this.#path;
    time.at(time.now + 20, () => {
      const silentMs = time.now - this.#lastAckAt;
      const rttMs = this.#rttMs === 0 ? 1000 : this.#rttMs;
      if (!this.#probed && silentMs > 2 * rttMs) {
        this.#probed = true;
        this.#sendOne();
      }
      if (silentMs > (rtoMsMin + rttMs) * this.#backoff) {
        this.#backoff *= 2;
        this.#outstanding.clear();
        this.#threshold = Math.max(2, this.#window * beta);
        this.#peak = this.#window;
        this.#cutAt = time.now;
        this.#window = 1;
        this.#lastAckAt = time.now;
        this.#send();
      }
      this.#watch();
    });
  }
}
