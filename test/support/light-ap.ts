/**
 * An AP without a disk for tests with hundreds of them in one process: the real CAPWAP session on a real socket, and an owner that
 * compares the image that it gets with the one that it expects.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Endpoint } from "../../src/base/endpoint.js";
import { type MacAddress, parseMac } from "../../src/base/mac-address.js";
import type { Wake } from "../../src/base/machine.js";
import { Prng } from "../../src/base/prng.js";
import type { Datagram, SendDatagram } from "../../src/core/capwap/contract.js";
import type { LinkEffect } from "../../src/core/capwap/link/secure-link.js";
import type { WtpEvent, WtpOutput } from "../../src/core/capwap/wtp/wtp-contract.js";
import { WtpSession } from "../../src/core/capwap/wtp/wtp-session.js";
import { systemClock } from "../../src/runtime/clock.js";
import { type DtlsAddon, loadDtls } from "../../src/runtime/dtls/addon.js";
import { DtlsClient } from "../../src/runtime/dtls/dtls-client.js";
import { Host } from "../../src/runtime/host.js";
import { labTimers } from "../../src/wire/capwap/defaults.js";
import { isDtls } from "../../src/wire/capwap/dtls-record.js";
import type { MessageName } from "../../src/wire/capwap/messages.js";
import { glimpse } from "../../src/wire/capwap/peek.js";
import { wtpSelf } from "./capwap-world.js";

export interface LightApOptions {
  /** Names it; each AP of a controller has its own. */
  readonly index: number;
  readonly address: string;
  readonly controller: Endpoint;
  /** What it expects to be sent; without it whatever comes is right. */
  readonly image?: Uint8Array;
  /** Longer datagrams do not reach it, as behind a path of that MTU. */
  readonly datagramBytesMax?: number;
  /** Its key for DTLS; without one it speaks clear text. */
  readonly key?: Uint8Array;
}

type Arrival = ({ readonly type: "datagram" } & Datagram) | { readonly type: "link-up" | "link-down"; readonly peer: Endpoint };
type Effect = SendDatagram | LinkEffect;

/** IPv4's and UDP's headers. */
const ipAndUdpBytes = 28;

/** From its owner. */
interface Word {
  readonly type: "start" | "stop" | "ask";
}

/** Of no run that a controller knows. */
const servingReport = { runId: 0, sessionsMax: 3, sessionsPeak: 0, bytesServed: 0, refusals: 0, sessions: [] };

/** More than any control message with its record. */
const datagramRoom = 2_048;

export class LightAp {
  readonly mac: MacAddress;
  /** Round trips of its Echo Requests, as long as this process let it wait for them included. */
  readonly echoMs: number[] = [];
  /** What came over the line, IP and UDP headers included, and what did not reach the AP for its size too. */
  readonly arrived = { packets: 0, bytes: 0 };
  imageBytes = 0;
  /** Blocks that are not what the image holds there. */
  wrong = 0;
  completedAt: number | undefined;
  failedAt: number | undefined;
  resetAt: number | undefined;
  sessionsLost = 0;
  readonly #options: LightApOptions;
  readonly #socket: Socket;
  readonly #session: WtpSession<null>;
  readonly #host: Host<Arrival | Word, Effect>;
  readonly #dtls: DtlsClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #echoSentAt = 0;
  #answered = (): void => {};

  constructor(options: LightApOptions) {
    this.#options = options;
    const { index, controller, address } = options;
    this.mac = lightMac(index);
    const self = { ...wtpSelf(index), mac: this.mac, localAddress: address };
    this.#session = new WtpSession(
      {
        controllers: [{ endpoint: controller }],
        linkMode: options.key === undefined ? "clear" : "dtls",
        timers: labTimers,
        bootImageDownload: false,
        fastTransfer: true,
      },
      () => self,
      new Prng(index + 1),
    );
    this.#dtls = options.key === undefined ? undefined : this.#newDtls(options.key);
    this.#socket = createSocket({ type: "udp4", recvBufferSize: 4 << 20 });
    this.#host = new Host({
      machine: { step: (now, input, out) => this.#step(now, input, out), nextWakeAt: () => this.#session.nextWakeAt() },
      clock: systemClock,
      perform: (effect) => this.#perform(effect),
      onFatal: (error) => {
        throw error;
      },
    });
  }

  #newDtls(key: Uint8Array): DtlsClient {
    return new DtlsClient({
      addon: loadDtls() as DtlsAddon,
      credentials: { identity: this.mac, key },
      send: (bytes, to) => this.#socket.send(bytes, to.port, to.address),
      onPlaintext: (bytes, from) => this.#host.deliver({ type: "datagram", from, bytes, carriage: "dtls" }),
      onUp: (peer) => this.#host.deliver({ type: "link-up", peer }),
      onDown: (peer) => this.#host.deliver({ type: "link-down", peer }),
    });
  }

  #perform(effect: Effect): void {
    if (effect.type === "open-link") this.#dtls?.open(systemClock.now(), effect.peer);
    else if (effect.type === "close-link") this.#dtls?.close(effect.peer);
    else {
      const { bytes, to, carriage } = effect;
      if (messageOf(bytes) === "echoRequest") this.#echoSentAt = performance.now();
      const datagram = carriage === "clear" ? bytes : this.#dtls?.seal(bytes, to, Buffer.allocUnsafe(datagramRoom));
      if (datagram !== undefined) this.#socket.send(datagram, to.port, to.address);
    }
    this.#armDtls();
  }

  #armDtls(): void {
    const at = this.#dtls?.nextWakeAt();
    clearTimeout(this.#timer);
    if (at === undefined) return;
    const wake = (): void => {
      this.#dtls?.wake(systemClock.now());
      this.#armDtls();
    };
    this.#timer = setTimeout(wake, Math.max(0, at - systemClock.now()));
  }

  async start(): Promise<void> {
    this.#socket.bind(0, this.#options.address);
    await once(this.#socket, "listening");
    this.#socket.on("message", (bytes, from) => {
      this.arrived.packets++;
      this.arrived.bytes += bytes.length + ipAndUdpBytes;
      if (bytes.length > (this.#options.datagramBytesMax ?? Number.POSITIVE_INFINITY)) return;
      if (messageOf(bytes) === "echoResponse") this.echoMs.push(performance.now() - this.#echoSentAt);
      if (this.#dtls === undefined || !isDtls(bytes)) this.#host.deliver({ type: "datagram", from, bytes, carriage: "clear" });
      else {
        this.#dtls.take(systemClock.now(), bytes, from);
        this.#armDtls();
      }
    });
    this.#host.deliver({ type: "start" });
  }

  get running(): boolean {
    return this.#session.state === "run";
  }

  /** Asks the controller something that changes nothing (a WTP Event Request). @returns how long the answer took, or the session's end, in ms */
  ask(): Promise<number> {
    return new Promise((resolve) => {
      const askedAt = performance.now();
      this.#answered = () => resolve(performance.now() - askedAt);
      this.#host.deliver({ type: "ask" });
    });
  }

  close(): void {
    this.#host.deliver({ type: "stop" });
    this.#host.stop();
    this.#dtls?.closeAll();
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #step(now: number, input: Arrival | Wake | Word, out: Effect[]): void {
    const outputs: WtpOutput<null>[] = [];
    if (input.type === "datagram") this.#session.datagram(now, input, outputs);
    else if (input.type === "link-up") this.#session.linkUp(now, input.peer, outputs);
    else if (input.type === "link-down") this.#session.linkDown(now, input.peer, outputs);
    else if (input.type === "start") this.#session.start(now, outputs);
    else if (input.type === "stop") this.#session.stop(now, outputs);
    else if (input.type === "ask") {
      this.#session.request(now, { type: "wtpEventRequest", elements: { servingReport } }, null, outputs);
    } else this.#session.wake(now, outputs);
    for (let next = 0; next < outputs.length; next++) {
      const output = outputs[next] as WtpOutput<null>;
      if (output.type === "send" || output.type === "open-link" || output.type === "close-link") out.push(output);
      else this.#own(now, output, outputs);
    }
  }

  #own(now: number, event: WtpEvent<null>, outputs: WtpOutput<null>[]): void {
    switch (event.type) {
      case "configuration-update": {
        this.#session.answerConfigurationUpdate(now, { resultCode: 0 }, outputs);
        const { imageIdentifier } = event.elements;
        if (imageIdentifier !== undefined) this.#session.startImage(now, imageIdentifier, undefined, outputs);
        return;
      }
      case "image-block": {
        const { offset, bytes } = event;
        const { image } = this.#options;
        if (image !== undefined && Buffer.compare(bytes, image.subarray(offset, offset + bytes.length)) !== 0) this.wrong++;
        this.imageBytes += bytes.length;
        this.#session.blockStored(now, 0, outputs);
        return;
      }
      case "answered":
      case "unanswered":
        this.#answered();
        return;
      case "image-failed":
        this.failedAt = now;
        return;
      case "reset-wanted":
        this.resetAt = now;
        this.#session.answerReset(now, 0, outputs);
        return;
      case "image-complete":
        this.completedAt = now;
        return;
      case "disconnected":
        if (event.reason !== "stopped") this.sessionsLost++;
        return;
    }
  }
}

function messageOf(bytes: Uint8Array): MessageName | undefined {
  const seen = glimpse(bytes);
  return seen.type === "message" ? seen.message : undefined;
}

export function lightMac(index: number): MacAddress {
  const mac = parseMac(`0200000b${index.toString(16).padStart(4, "0")}`);
  if (mac === undefined) throw new Error(`${index} gives no MAC address`);
  return mac;
}
