/** Where transfers begin in their image, read off the datagrams by docs/decisions/070 and RFC 5415 §4.3 alone. */
export class SegmentWatch {
  readonly #starts = new Map<number, number>();

  /** Takes every datagram from a controller. */
  readonly see = (datagram: Uint8Array): void => {
    const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    const isFragment = bytes[0] === 0 && bytes.length > 8 && (bytes.readUInt8(3) & 0x80) !== 0 && bytes.readUInt16BE(4) >= 0x8000;
    if (!isFragment || bytes.readUInt16BE(6) !== 0) return;
    const message = (bytes.readUInt8(1) >> 3) * 4;
    const transferId = bytes.readUInt32BE(message + 18);
    const segmentStart = Number(bytes.readBigUInt64BE(message + 22));
    this.#starts.set(transferId, Math.min(segmentStart, this.#starts.get(transferId) ?? Number.POSITIVE_INFINITY));
  };

  get transfers(): ReadonlySet<number> {
    return new Set(this.#starts.keys());
  }

  /** The lowest byte that transfers other than `known` sent; undefined while there are none. */
  startOfOthers(known: ReadonlySet<number>): number | undefined {
    const starts = [...this.#starts].filter(([transferId]) => !known.has(transferId)).map(([, start]) => start);
    return starts.length === 0 ? undefined : Math.min(...starts);
  }
}
