/**
 * Reusable buffers for outgoing datagrams. At the rates of an image transfer, allocating and collecting fresh ones costs more than
 * encrypting their content.
 */

/** No UDP payload is larger. */
const bufferBytes = 65_536;
/** Beyond these, a burst's buffers are left to the garbage collector. */
const freeBuffersMax = 64;

export class DatagramBuffers {
  readonly #free: Buffer[] = [];

  /** @returns a buffer for one datagram of any size, with arbitrary content */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
  }

  giveBack(buffer: Buffer): void {
    if (this.#free.length < freeBuffersMax) this.#free.push(buffer);
  }
}
