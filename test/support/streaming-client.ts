/**
 * A TFTP client with a host that continues by itself as far as `streamable` allows: what native/tftp-receiver.c does, as a machine. Its effects
 * are those of the whole, so that it can stand where a `TftpClient` stands.
 */
import { sameEndpoint } from "../../src/base/endpoint.js";
import type { Machine } from "../../src/base/machine.js";
import type { TftpClient } from "../../src/core/tftp/client/client.js";
import type { ClientEffect, ClientInput, ClientStreamable } from "../../src/core/tftp/client/contract.js";
import { wireBlock } from "../../src/wire/tftp/block-number.js";
import { blockOf, DATA_HEADER_BYTES, encodePacket, opcode, opcodeOf } from "../../src/wire/tftp/packet.js";

/** After a silence of this long the machine has its turn. */
const SILENCE_MS = 50;

interface Streak {
  readonly from: ClientStreamable;
  readonly offset: number;
  blocks: number;
  unacknowledged: number;
  ackAt: number | undefined;
  at: number;
  roundTripsMs: number[];
}

export class StreamingClient implements Machine<ClientInput, ClientEffect> {
  readonly #machine: TftpClient;
  #streak: Streak | undefined;
  #bytesWritten = 0;
  /** Blocks that the machine was not asked about. */
  streamed = 0;

  constructor(machine: TftpClient) {
    this.#machine = machine;
  }

  get bytesDone(): number {
    return this.#machine.bytesDone + (this.#streak === undefined ? 0 : this.#streak.blocks * this.#streak.from.blksize);
  }

  nextWakeAt(): number | undefined {
    return this.#streak === undefined ? this.#machine.nextWakeAt() : this.#streak.at + SILENCE_MS;
  }

  step(now: number, input: ClientInput, out: ClientEffect[]): void {
    if (input.type === "written") this.#bytesWritten = input.bytesWritten;
    else if (input.type === "datagram" && this.#take(now, input, out)) return;
    else this.settle(out);
    this.#machine.step(now, input, out);
  }

  /** Tells the machine how far it went. */
  settle(out: ClientEffect[]): void {
    const streak = this.#streak;
    if (streak === undefined) return;
    this.#streak = undefined;
    this.streamed += streak.blocks;
    this.#machine.step(streak.at, { type: "streamed", ...streak }, out);
  }

  #take(now: number, { from, bytes }: Extract<ClientInput, { type: "datagram" }>, out: ClientEffect[]): boolean {
    const streak = this.#streak ?? this.#begin();
    if (streak === undefined) return false;
    const { peer, due, blksize, blocksMax, windowsize, backlogBytesMax } = streak.from;
    const isNext =
      sameEndpoint(from, peer) &&
      bytes.length === DATA_HEADER_BYTES + blksize &&
      opcodeOf(bytes) === opcode.data &&
      blockOf(bytes) === wireBlock(due + streak.blocks) &&
      streak.blocks < blocksMax;
    if (!isNext) return false;
    if (streak.ackAt !== undefined && streak.unacknowledged === 0) streak.roundTripsMs.push(now - streak.ackAt);
    const offset = streak.offset + streak.blocks * blksize;
    out.push({ type: "write", offset, bytes: bytes.subarray(DATA_HEADER_BYTES) });
    streak.blocks++;
    streak.unacknowledged++;
    streak.at = now;
    this.#streak = streak;
    if (streak.unacknowledged < windowsize) return true;
    if (offset + blksize - this.#bytesWritten > backlogBytesMax) {
      this.settle(out);
    } else {
      out.push({ type: "send", to: peer, bytes: encodePacket({ type: "ack", block: wireBlock(due + streak.blocks - 1) }) });
      streak.unacknowledged = 0;
      streak.ackAt = now;
    }
    return true;
  }

  #begin(): Streak | undefined {
    const from = this.#machine.streamable;
    if (from === undefined) return undefined;
    const { unacknowledged, ackAt } = from;
    return { from, offset: this.#machine.bytesDone, blocks: 0, unacknowledged, ackAt, at: 0, roundTripsMs: [] };
  }
}
