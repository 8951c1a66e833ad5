/** Factor by which an AC may answer an address that has not proved that it receives (RFC 9000 §8.1 has the same). */
const answerFactor = 3;

/**
 * What may be sent to a WTP's address. Until the WTP has proved that it receives there, that is three times what came from it, since the
 * address may be that of a victim.
 */
export class PathBudget {
  #received = 0;
  #sent = 0;
  #proven = false;

  get isProven(): boolean {
    return this.#proven;
  }

  prove(): void {
    this.#proven = true;
  }

  received(bytes: number): void {
    this.#received += bytes;
  }

  /** Notes what is sent. */
  sent(bytes: number): void {
    this.#sent += bytes;
  }

  /** Notes `bytes` as sent if they may go. */
  takes(bytes: number): boolean {
    const may = this.admits(bytes);
    if (may) this.#sent += bytes;
    return may;
  }

  admits(bytes: number): boolean {
    return this.#proven || this.#sent + bytes <= answerFactor * this.#received;
  }
}
