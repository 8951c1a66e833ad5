/**
 * An AC and some WTPs in virtual time on a network that may lose, repeat and delay datagrams. The AC's owner and the WTPs' owners
 * are the smallest that do the job: they accept, answer with success, and store images.
 */
import { createHash } from "node:crypto";
import { type Endpoint, endpointText } from "../../src/base/endpoint.js";
import { parseMac } from "../../src/base/mac-address.js";
import { Prng } from "../../src/base/prng.js";
import type { AcEvent, AcOutput, AcPolicy, AcSettings } from "../../src/core/capwap/ac/ac-contract.js";
import { AccessController } from "../../src/core/capwap/ac/access-controller.js";
import type { CapwapEffect, SendDatagram } from "../../src/core/capwap/contract.js";
import type { WtpEvent, WtpOutput, WtpSelf, WtpSettings } from "../../src/core/capwap/wtp/wtp-contract.js";
import { WtpSession } from "../../src/core/capwap/wtp/wtp-session.js";
import { defaultTimers, ports } from "../../src/wire/capwap/defaults.js";
import type { ImageIdentifier } from "../../src/wire/capwap/elements.js";
import { readPacket } from "../../src/wire/capwap/header.js";
import type { FailureResponse, Message } from "../../src/wire/capwap/messages.js";
import type { CapturedDatagram } from "./captures.js";
import { datagramOf, messageIn, reboots } from "./capwap-messages.js";

export const acEndpoint: Endpoint = { address: "10.0.0.1", port: ports.control };
export const wtpEndpoint = (index: number): Endpoint => ({
  address: `10.0.${1 + ((index + 1) >> 8)}.${(index + 1) & 255}`,
  port: 40_000 + index,
});

export const acSettings: AcSettings = {
  name: "controller-1",
  addresses: [acEndpoint.address],
  hardwareVersion: "1",
  softwareVersion: "1.0",
  linkMode: "clear",
  timers: defaultTimers,
  sessionsMax: 1000,
};

export const wtpSettings: WtpSettings = {
  controllers: [{ endpoint: acEndpoint }],
  linkMode: "clear",
  timers: defaultTimers,
  bootImageDownload: false,
  fastTransfer: false,
};

export const wtpSelf = (index: number): WtpSelf => ({
  name: `ap-${index}`,
  location: "branch",
  mac: parseMac(`02000000${index.toString(16).padStart(4, "0")}`) ?? fail("a MAC address"),
  model: "AIR-AP2802I",
  serial: `SN${index}`,
  hardwareVersion: "1",
  bootVersion: "1.1",
  activeVersion: "8.5.100.0",
  otherVersions: [],
  localAddress: wtpEndpoint(index).address,
  reboots,
});

const fail = (what: string): never => {
  throw new Error(`no ${what}`);
};

const tokens = new Prng(7);

export const accepting: AcPolicy = {
  admits: () => ({ resultCode: 0 }),
  admit: () => {},
  wtpFallback: () => "enabled",
  sessionToken: () => tokens.bytes(16),
};

export interface NetworkFaults {
  readonly loss: number;
  readonly duplication: number;
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** A bottleneck from the AC to the WTPs, where a datagram that finds no room is lost. */
  readonly line?: { readonly bitsPerSecond: number; readonly queueBytes: number };
}

export const cleanNetwork: NetworkFaults = { loss: 0, duplication: 0, delayMsMin: 10, delayMsMax: 10 };

export interface StoredImage {
  readonly sha256: string;
  readonly bytes: Uint8Array;
  readonly md5: Uint8Array;
}

/** An image of random bytes, the same ones for the same size. */
export function storedImage(sizeBytes: number): StoredImage {
  const bytes = new Prng(sizeBytes).bytes(sizeBytes);
  return { sha256: "image-1", bytes, md5: createHash("md5").update(bytes).digest() };
}

interface Flight {
  readonly at: number;
  readonly sequence: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

export class CapwapWorld {
  now = 0;
  readonly ac: AccessController<string>;
  readonly wtps: WtpSession<string>[] = [];
  readonly acEvents: AcEvent<string>[] = [];
  readonly wtpEvents: { readonly wtp: number; readonly event: WtpEvent<string> }[] = [];
  readonly capture: CapturedDatagram[] = [];
  /** What each WTP stored, in the order of its writes. */
  readonly written: Uint8Array[][] = [];
  /** Answers of the next blocks, then success. */
  readonly blockResults: number[] = [];
  /** Image that the AC's owner sends to whoever asks; without one it refuses with 16. */
  image: StoredImage | undefined;
  /** Changes or swallows messages of the AC on their way. */
  rewrite: (message: Message | FailureResponse) => Message | FailureResponse | undefined = (message) => message;
  /** Names of the rates that every image keeps to. */
  rates: readonly string[] = [];
  /** Of the newest Join Response. */
  sessionToken: Uint8Array = new Uint8Array();
  /** While false nothing arrives. */
  connected = true;
  readonly #faults: NetworkFaults;
  readonly #prng: Prng;
  #flights: Flight[] = [];
  /** When the line has sent all that was handed to it. */
  #lineFreeAt = 0;
  #sent = 0;

  constructor(
    seed: number,
    faults: NetworkFaults = cleanNetwork,
    options: { settings?: Partial<AcSettings>; policy?: AcPolicy; wtps?: number; wtp?: Partial<WtpSettings>; self?: Partial<WtpSelf> } = {},
  ) {
    this.#prng = new Prng(seed);
    this.#faults = faults;
    const policy = options.policy ?? accepting;
    const sessionToken = (): Uint8Array => {
      this.sessionToken = policy.sessionToken();
      return this.sessionToken;
    };
    this.ac = new AccessController({ ...acSettings, ...options.settings }, { ...policy, sessionToken });
    for (let index = 0; index < (options.wtps ?? 1); index++) {
      const self = { ...wtpSelf(index), ...options.self };
      this.wtps.push(new WtpSession({ ...wtpSettings, ...options.wtp }, () => self, this.#prng.split(`wtp ${index}`)));
      this.written.push([]);
    }
  }

  wtp(index = 0): WtpSession<string> {
    return this.wtps[index] ?? fail("such WTP");
  }

  start(): void {
    for (const index of this.wtps.keys()) this.onWtp(index, (wtp, out) => wtp.start(this.now, out));
  }

  /** Runs until nothing is due before `until`, or `done` holds. */
  run(until: number, done: () => boolean = () => false): void {
    while (!done()) {
      const flight = this.#flights[0];
      const wake = Math.min(this.ac.nextWakeAt() ?? Infinity, ...this.wtps.map((wtp) => wtp.nextWakeAt() ?? Infinity));
      const next = Math.min(flight?.at ?? Infinity, wake);
      if (next > until) {
        this.now = Math.max(this.now, until);
        return;
      }
      this.now = Math.max(this.now, next);
      if (flight !== undefined && flight.at <= wake) {
        this.#flights.shift();
        this.#arrive(flight);
        continue;
      }
      if ((this.ac.nextWakeAt() ?? Infinity) <= this.now) this.onAc((ac, out) => ac.wake(this.now, out));
      for (const [index, wtp] of this.wtps.entries()) {
        if ((wtp.nextWakeAt() ?? Infinity) <= this.now) this.onWtp(index, (one, out) => one.wake(this.now, out));
      }
    }
  }

  onAc(work: (ac: AccessController<string>, out: AcOutput<string>[]) => void): void {
    const out: AcOutput<string>[] = [];
    work(this.ac, out);
    for (const output of out) {
      if (isEffect(output)) this.#carry(acEndpoint, output);
      else {
        this.acEvents.push(output);
        this.#own(output);
      }
    }
  }

  onWtp(index: number, work: (wtp: WtpSession<string>, out: WtpOutput<string>[]) => void): void {
    const out: WtpOutput<string>[] = [];
    work(this.wtp(index), out);
    for (const output of out) {
      if (isEffect(output)) this.#carry(wtpEndpoint(index), output);
      else {
        this.wtpEvents.push({ wtp: index, event: output });
        this.#agent(index, output);
      }
    }
  }

  /** Puts bytes on the wire as if `from` had sent them. */
  inject(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    this.#flights.push({ at: this.now, sequence: this.#sent++, from, to, bytes });
  }

  imageOf(index: number): Uint8Array {
    return Buffer.concat(this.written[index] ?? []);
  }

  #own(event: AcEvent<string>): void {
    if (event.type !== "image-wanted") return;
    const { image } = this;
    this.onAc((ac, out) =>
      ac.answerImage(
        this.now,
        event.session,
        image === undefined
          ? { type: "refuse", resultCode: 16 }
          : {
              type: "transfer",
              sha256: image.sha256,
              sizeBytes: image.bytes.length,
              md5: image.md5,
              rates: this.rates,
            },
        out,
      ),
    );
  }

  #agent(index: number, event: WtpEvent<string>): void {
    switch (event.type) {
      case "configuration-update": {
        this.onWtp(index, (wtp, out) => wtp.answerConfigurationUpdate(this.now, { resultCode: 0 }, out));
        const { imageIdentifier } = event.elements;
        if (imageIdentifier) this.#fetch(index, imageIdentifier);
        return;
      }
      case "boot-image-wanted":
        this.#fetch(index, event.identifier);
        return;
      case "image-block": {
        const resultCode = this.blockResults.shift() ?? 0;
        if (resultCode === 0) this.written[index]?.push(event.bytes.slice());
        this.onWtp(index, (wtp, out) => wtp.blockStored(this.now, resultCode, out));
        return;
      }
      case "reset-wanted":
        this.onWtp(index, (wtp, out) => wtp.answerReset(this.now, 0, out));
        return;
      case "clear-configuration":
        this.onWtp(index, (wtp, out) => wtp.answerClearConfiguration(this.now, 0, out));
        return;
    }
  }

  #fetch(index: number, identifier: ImageIdentifier): void {
    this.written[index] = [];
    this.onWtp(index, (wtp, out) => wtp.startImage(this.now, identifier, undefined, out));
  }

  #carry(from: Endpoint, effect: CapwapEffect): void {
    if (effect.type !== "send") return;
    const whole = this.#whole(effect);
    const bytes = this.#rewritten(from, whole);
    if (bytes === undefined) return;
    this.capture.push({ from, to: effect.to, payload: bytes, at: this.now });
    const copies = this.#prng.fraction() < this.#faults.duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const { delayMsMin, delayMsMax, loss } = this.#faults;
      if (this.#prng.fraction() < loss) continue;
      const waitMs = from === acEndpoint ? this.#onLine(bytes.length + 28) : 0;
      if (waitMs === undefined) continue;
      const at = this.now + waitMs + delayMsMin + this.#prng.fraction() * (delayMsMax - delayMsMin);
      this.#flights.push({ at, sequence: this.#sent++, from, to: effect.to, bytes });
    }
    this.#flights.sort((a, b) => a.at - b.at || a.sequence - b.sequence);
  }

  /** @returns until when the line has sent a packet, in ms from now; undefined when its queue has no room */
  #onLine(packetBytes: number): number | undefined {
    const { line } = this.#faults;
    if (line === undefined) return 0;
    const queuedMs = Math.max(0, this.#lineFreeAt - this.now);
    if ((queuedMs * line.bitsPerSecond) / 8000 + packetBytes > line.queueBytes + 1_528) return undefined;
    this.#lineFreeAt = this.now + queuedMs + (packetBytes * 8000) / line.bitsPerSecond;
    return this.#lineFreeAt - this.now;
  }

  /** Fragments go as they are. */
  #rewritten(from: Endpoint, bytes: Uint8Array): Uint8Array | undefined {
    const packet = readPacket(bytes);
    if (packet.type !== "capwap" || packet.header.fragment !== undefined) return bytes;
    const before = messageIn(bytes);
    const after = this.rewrite(before);
    return after === before ? bytes : after && datagramOf(from, after).bytes;
  }

  #whole({ bytes, image }: SendDatagram): Uint8Array {
    if (image === undefined) return bytes;
    const source = this.image?.sha256 === image.sha256 ? this.image.bytes : fail("such image");
    return Buffer.concat([bytes, source.subarray(image.offset, image.offset + image.length)]);
  }

  #arrive({ from, to, bytes }: Flight): void {
    if (!this.connected) return;
    const datagram = { from, bytes, carriage: "clear" } as const;
    if (endpointText(to) === endpointText(acEndpoint)) this.onAc((ac, out) => ac.datagram(this.now, datagram, out));
    const index = this.wtps.findIndex((_, at) => endpointText(wtpEndpoint(at)) === endpointText(to));
    if (index >= 0) this.onWtp(index, (wtp, out) => wtp.datagram(this.now, datagram, out));
  }

  get runningSessions(): number {
    return this.wtps.filter(({ state }) => state === "run").length;
  }

  wtpEventTypes(index = 0): string[] {
    return this.wtpEvents.filter(({ wtp }) => wtp === index).map(({ event }) => (event.type === "state" ? event.state : event.type));
  }
}

const isEffect = (output: AcOutput<string> | WtpOutput<string>): output is CapwapEffect =>
  output.type === "send" || output.type === "open-link" || output.type === "close-link";
