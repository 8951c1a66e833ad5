import { type Endpoint, endpointText } from "../base/endpoint.js";
import { invariant } from "../base/invariant.js";
import type { Prng } from "../base/prng.js";
import type { Instant } from "../base/time.js";
import type { World } from "./world.js";

/** What one direction of a link does to datagrams. */
export interface LinkQuality {
  readonly latencyMs: number;
  /** Each datagram takes up to this much longer, uniformly; more than the spacing of datagrams reorders them. */
  readonly jitterMs: number;
  readonly bitsPerSecond: number;
  /** Queue length in bytes; a datagram beyond it is dropped. */
  readonly queueBytes: number;
  /** Probabilities 0–1 per datagram. */
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
  /** How much later a reordered datagram arrives, at most. */
  readonly reorderMsMax: number;
}

export const perfectLink: LinkQuality = {
  latencyMs: 0,
  jitterMs: 0,
  bitsPerSecond: Number.POSITIVE_INFINITY,
  queueBytes: Number.POSITIVE_INFINITY,
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderMsMax: 0,
};

/** IPv4 and UDP headers and Ethernet framing, which take time on the line. */
const overheadBytes = 20 + 8 + 18;
/** The most that one UDP datagram holds over IPv4. */
const datagramBytesMax = 65_507;

/** One direction of a line, with a queue in front of it. Lines may be shared by any number of senders. */
export class Link {
  quality: LinkQuality;
  readonly name: string;
  readonly counters = { sent: 0, bytes: 0, lost: 0, overflowed: 0, duplicated: 0, reordered: 0 };
  #freeAt: Instant = 0;

  constructor(name: string, quality: LinkQuality) {
    this.name = name;
    this.quality = quality;
  }

  /** When a datagram of `length` payload bytes that is sent at `now` arrives: never, once, or twice. */
  arrivals(now: Instant, length: number, prng: Prng): Instant[] {
    const { quality, counters } = this;
    counters.sent++;
    counters.bytes += length;
    const msPerByte = 8000 / quality.bitsPerSecond;
    const startsAt = Math.max(now, this.#freeAt);
    if (msPerByte > 0 && (startsAt - now) / msPerByte > quality.queueBytes) {
      counters.overflowed++;
      return [];
    }
    this.#freeAt = startsAt + (length + overheadBytes) * msPerByte;
    if (prng.fraction() < quality.loss) {
      counters.lost++;
      return [];
    }
    const arrival = (): Instant => {
      let at = this.#freeAt + quality.latencyMs + quality.jitterMs * prng.fraction();
      if (prng.fraction() < quality.reordering) {
        counters.reordered++;
        at += quality.reorderMsMax * prng.fraction();
      }
      return at;
    };
    if (prng.fraction() >= quality.duplication) return [arrival()];
    counters.duplicated++;
    return [arrival(), arrival()];
  }
}

export interface DatagramArrival {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

export type Receiver = (arrival: DatagramArrival) => void;

/** An endpoint in use, and how to release it. */
export interface Socket {
  readonly local: Endpoint;
  readonly close: () => void;
}

/** The line that carries datagrams from one address to another; undefined where there is no route. */
export type LinkChoice = (from: string, to: string) => Link | undefined;

/** Lowest of the ephemeral ports (RFC 6335 §6). */
const ephemeralFirst = 49_152;
const ephemeralCount = 16_384;

/** UDP between the nodes of a world. */
export class Network {
  readonly name = "network";
  readonly alive = true;
  /** Datagrams that arrived at an endpoint without a listener. */
  unclaimed = 0;
  /** Datagrams stopped by a cut. */
  cutOff = 0;
  readonly #world: World;
  readonly #prng: Prng;
  readonly #route: LinkChoice;
  readonly #receivers = new Map<string, Receiver>();
  readonly #cuts = new Set<(from: string, to: string) => boolean>();
  readonly #taps: Readonly<Record<"sent" | "arrived", Receiver[]>> = { sent: [], arrived: [] };
  #ephemeral = 0;

  constructor(world: World, route: LinkChoice) {
    this.#world = world;
    this.#prng = world.prng.split("network");
    this.#route = route;
  }

  /** @param wanted port 0 takes an ephemeral port */
  bind(wanted: Endpoint, receiver: Receiver): Socket {
    const local = wanted.port === 0 ? { address: wanted.address, port: this.#freePort(wanted.address) } : wanted;
    const key = endpointText(local);
    invariant(!this.#receivers.has(key), `${key} is taken`);
    this.#receivers.set(key, receiver);
    return { local, close: () => this.#receivers.delete(key) };
  }

  send(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const trace = this.#world.trace;
    trace.text(endpointText(from));
    trace.text(endpointText(to));
    trace.bytes(bytes);
    for (const observer of this.#taps.sent) observer({ from, to, bytes });
    for (const isCut of this.#cuts) {
      if (isCut(from.address, to.address)) {
        this.cutOff++;
        return;
      }
    }
    const link = this.#route(from.address, to.address);
    if (link === undefined || bytes.length > datagramBytesMax) {
      this.unclaimed++;
      return;
    }
    for (const at of link.arrivals(this.#world.now, bytes.length, this.#prng)) this.#world.schedule(at, this, { from, to, bytes });
  }

  /** Drops every datagram for which `isCut` holds when it is sent. @returns how to repair the cut */
  cut(isCut: (from: string, to: string) => boolean): () => void {
    this.#cuts.add(isCut);
    return () => this.#cuts.delete(isCut);
  }

  /** Shows every datagram to `observer`: as it is sent, lost or not, or as it arrives. */
  tap(moment: "sent" | "arrived", observer: Receiver): void {
    this.#taps[moment].push(observer);
  }

  take(arrival: DatagramArrival): void {
    for (const observer of this.#taps.arrived) observer(arrival);
    const receiver = this.#receivers.get(endpointText(arrival.to));
    if (receiver === undefined) this.unclaimed++;
    else receiver(arrival);
  }

  #freePort(address: string): number {
    for (let tries = 0; tries < ephemeralCount; tries++) {
      const port = ephemeralFirst + (this.#ephemeral++ % ephemeralCount);
      if (!this.#receivers.has(endpointText({ address, port }))) return port;
    }
    throw new RangeError(`no ephemeral port is left at ${address}`);
  }
}
