/**
 * One fast transfer, and neighbours, over a line in virtual time. The line is the simulator's (`sim/network.ts`); on top of it there is only
 * what a transfer needs: no session, no agent.
 */
import { Prng } from "../../src/base/prng.js";
import type { SendDatagram } from "../../src/core/capwap/contract.js";
import { windowBytesDefault } from "../../src/core/capwap/image/fast-image-offer.js";
import { FastImageReceiver, type FastReceiverOutput } from "../../src/core/capwap/image/fast-image-receiver.js";
import { FastImageSender } from "../../src/core/capwap/image/fast-image-sender.js";
import type { RateCap } from "../../src/core/capwap/image/rate-cap.js";
import { EventHeap, type Scheduled } from "../../src/sim/event-heap.js";
import { Link, type LinkQuality, perfectLink } from "../../src/sim/network.js";
import { SyntheticImage } from "../../src/sim/synthetic-image.js";
import { fastFragmentIdBit, segmentBytesDefault } from "../../src/wire/capwap/fast-segment.js";

export class VirtualTime {
  now = 1_000_000;
  readonly #heap = new EventHeap<Scheduled & { readonly act: () => void }>();
  #sequence = 0;

  at(at: number, act: () => void): void {
    this.#heap.push({ at: Math.max(at, this.now), sequence: this.#sequence++, act });
  }

  /** Runs until `done`, or nothing is left, or `forMs` have passed. */
  run(forMs: number, done: () => boolean = () => false): void {
    const end = this.now + forMs;
    for (let next = this.#heap.peek(); next !== undefined && next.at <= end && !done(); next = this.#heap.peek()) {
      this.now = next.at;
      this.#heap.pop();
      next.act();
    }
    if (!done()) this.now = Math.max(this.now, end);
  }
}

export interface PathOptions {
  readonly bitsPerSecond: number;
  readonly rttMs: number;
  readonly loss: number;
  readonly queueBytes: number;
  readonly quality?: Partial<LinkQuality>;
  readonly seed?: number;
}

/** A bottleneck in one direction, a free line back. Both lose. */
export class Path {
  readonly time: VirtualTime;
  readonly forward: Link;
  readonly back: Link;
  readonly prng: Prng;
  /** Nothing passes while it is set. */
  cut = false;
  /** Path MTU, as UDP payload; what is longer is dropped without a word. */
  datagramBytesMax = Number.POSITIVE_INFINITY;

  constructor(options: PathOptions, time = new VirtualTime()) {
    this.time = time;
    this.prng = new Prng(options.seed ?? 1);
    const shared = { ...perfectLink, latencyMs: options.rttMs / 2, loss: options.loss, ...options.quality };
    this.forward = new Link("forward", { ...shared, bitsPerSecond: options.bitsPerSecond, queueBytes: options.queueBytes });
    this.back = new Link("back", { ...shared, loss: options.loss });
  }

  carry(link: Link, payloadBytes: number, arrive: () => void): void {
    if (this.cut || payloadBytes > this.datagramBytesMax) return;
    for (const at of link.arrivals(this.time.now, payloadBytes, this.prng)) {
      this.time.at(at, () => {
        if (!this.cut) arrive();
      });
    }
  }
}

export interface TransferOptions {
  readonly sizeBytes: number;
  readonly startOffset?: number;
  readonly windowBytes?: number;
  readonly datagramBytesMax?: number;
  readonly caps?: readonly RateCap[];
  /** From a block to its answer. */
  readonly diskMs?: number;
  readonly transferId?: number;
  /** The receiver's disk fails here, with this Result Code. */
  readonly refuseAt?: number;
  readonly refuseWith?: number;
}

export class VirtualTransfer {
  readonly image: SyntheticImage;
  readonly sender: FastImageSender;
  readonly receiver: FastImageReceiver;
  readonly startedAt: number;
  endedAt: number | undefined;
  /** Bytes that came to the disk, in order and right. */
  storedBytes = 0;
  wrong = 0;
  ackBytes = 0;
  acks = 0;
  silent = false;
  readonly #path: Path;
  readonly #diskMs: number;
  readonly #refuseAt: number;
  readonly #refuseWith: number;
  #senderWakeAt = Number.POSITIVE_INFINITY;
  #receiverWakeAt = Number.POSITIVE_INFINITY;

  constructor(path: Path, options: TransferOptions) {
    const windowBytes = options.windowBytes ?? windowBytesDefault;
    const plan = {
      transferId: options.transferId ?? 7,
      startOffset: options.startOffset ?? 0,
      sizeBytes: options.sizeBytes,
      segmentBytes: segmentBytesDefault,
      firstFragmentId: fastFragmentIdBit | 0x7ffe,
    };
    this.#path = path;
    this.#diskMs = options.diskMs ?? 0.5;
    this.#refuseAt = options.refuseAt ?? Number.POSITIVE_INFINITY;
    this.#refuseWith = options.refuseWith ?? 0;
    this.image = new SyntheticImage("image", options.sizeBytes);
    this.receiver = new FastImageReceiver(plan, windowBytes);
    this.sender = new FastImageSender({
      to: { address: "127.0.0.1", port: 1 },
      carriage: "clear",
      sha256: "image",
      plan,
      windowBytes,
      datagramBytesMax: options.datagramBytesMax ?? 1472,
      headerBytes: 28,
      caps: options.caps ?? [],
    });
    this.startedAt = path.time.now;
    this.storedBytes = plan.startOffset;
    const out: SendDatagram[] = [];
    this.receiver.start(path.time.now);
    this.sender.start(path.time.now, out);
    this.#sent(out);
    this.#armReceiver();
  }

  get done(): boolean {
    return this.sender.outcome !== undefined;
  }

  get seconds(): number {
    return ((this.endedAt ?? this.#path.time.now) - this.startedAt) / 1000;
  }

  #sent(out: SendDatagram[]): void {
    for (const { bytes, image } of out) {
      if (image === undefined) continue;
      const datagram = new Uint8Array(bytes.length + image.length);
      datagram.set(bytes);
      datagram.set(this.image.range(image.offset, image.length), bytes.length);
      this.#path.carry(this.#path.forward, datagram.length, () => {
        const received: FastReceiverOutput[] = [];
        const fault = this.receiver.datagram(this.#path.time.now, datagram, received);
        if (fault !== undefined) throw new Error(`fragment is ${fault}`);
        this.#received(received);
      });
    }
    if (this.done) this.endedAt ??= this.#path.time.now;
    const at = this.sender.nextWakeAt();
    if (at !== undefined && at < this.#senderWakeAt) {
      this.#senderWakeAt = at;
      this.#path.time.at(at, () => {
        if (this.#senderWakeAt !== at) return;
        this.#senderWakeAt = Number.POSITIVE_INFINITY;
        const more: SendDatagram[] = [];
        this.sender.wake(this.#path.time.now, more);
        this.#sent(more);
      });
    }
  }

  #received(out: FastReceiverOutput[]): void {
    for (const output of out) {
      if (output.type === "image-block") {
        if (output.offset !== this.storedBytes || !this.image.matches(output.offset, output.bytes)) this.wrong++;
        this.storedBytes += output.bytes.length;
        this.#path.time.at(this.#path.time.now + this.#diskMs, () => {
          // The ring may not change what it has handed out.
          if (!this.image.matches(output.offset, output.bytes)) this.wrong++;
          const more: FastReceiverOutput[] = [];
          this.receiver.answer(this.#path.time.now, output.offset >= this.#refuseAt ? this.#refuseWith : 0, more);
          this.#received(more);
        });
      } else {
        // CAPWAP and control header, Result Code, and the element (its table in vendor-transfer.ts).
        const bytes = 8 + 8 + 8 + 10 + 34 + 8 * output.ack.ranges.length;
        this.ackBytes += bytes;
        this.acks++;
        this.#path.carry(this.#path.back, bytes, () => {
          const more: SendDatagram[] = [];
          this.sender.acknowledge(this.#path.time.now, output.resultCode, output.ack, more);
          this.#sent(more);
        });
      }
    }
    this.#armReceiver();
  }

  #armReceiver(): void {
    const at = this.receiver.nextWakeAt();
    if (at === undefined || at >= this.#receiverWakeAt || this.done) return;
    this.#receiverWakeAt = at;
    this.#path.time.at(at, () => {
      if (this.#receiverWakeAt !== at) return;
      this.#receiverWakeAt = Number.POSITIVE_INFINITY;
      const out: FastReceiverOutput[] = [];
      if (this.receiver.wake(this.#path.time.now, out)) this.silent = true;
      this.#received(out);
    });
  }
}
