/** As for a new path in QUIC (RFC 9000 §8.1): a forged request must not make the server a source of many more octets than it cost. */
const AMPLIFICATION_MAX = 3;

export class AnswerBudget {
  #receivedBytes = 0;
  #sentBytes = 0;

  /** The peer asked, maybe; RFC 1350 leaves no choice but one answer to each request. */
  asked(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** Whether so many octets may be sent again to a peer that has acknowledged nothing. */
  allows(bytes: number): boolean {
    return this.#sentBytes + bytes <= AMPLIFICATION_MAX * this.#receivedBytes;
  }
}
