/** Bytes per second of one counter, smoothed over a few reports; a counter that falls (a new transfer) restarts it. */
export class SmoothedRate {
  #bytes = 0;
  #at: number | undefined;
  #rate = 0;

  /** @param at ms; reports may be spaced irregularly */
  report(bytes: number, at: number): void {
    if (this.#at === undefined || bytes < this.#bytes) {
      this.#rate = 0;
    } else {
      const seconds = (at - this.#at) / 1000;
      if (seconds < 0.25) return;
      const sample = (bytes - this.#bytes) / seconds;
      this.#rate = this.#rate === 0 ? sample : this.#rate + (sample - this.#rate) * 0.5;
      if (this.#rate < 1) this.#rate = 0;
    }
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Zero after 5 s without a report. */
  bytesPerSecond(now: number): number {
    return this.#at === undefined || now - this.#at > 5000 ? 0 : this.#rate;
  }
}
