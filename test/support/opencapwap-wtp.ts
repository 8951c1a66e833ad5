/**
 * A WTP that behaves as openCAPWAP's does where that differs from ours, written from its traffic and RFC 5415 without any of flexup's
 * code: it states no Base MAC Address, reports each radio in a message of its own, sends statistics in elements of the 802.11 binding
 * alone, needs the data channel, takes any Echo Response as a sign of life, and answers every response that it does not expect with a
 * message of the next type, the same sequence number and Result Code 19.
 *
 * It is a machine: times go in, datagrams come out; who carries them is the test's business.
 */

export interface WtpDatagram {
  readonly channel: "control" | "data";
  readonly bytes: Buffer;
}

/** In milliseconds; the defaults are openCAPWAP's. */
export interface OpenCapwapTimers {
  readonly retransmit: number;
  readonly echo: number;
  readonly keepAlive: number;
  /** Without a keep-alive for so long it leaves Run. */
  readonly dataDead: number;
  readonly statistics: number;
}

export const openCapwapTimers: OpenCapwapTimers = {
  retransmit: 3_000,
  echo: 30_000,
  keepAlive: 30_000,
  dataDead: 60_000,
  statistics: 120_000,
};

const maxRetransmit = 5;
const joinRequest = 3;
const configurationStatusRequest = 5;
const configurationUpdateRequest = 7;
const wtpEventRequest = 9;
const changeStateEventRequest = 11;
const echoRequest = 13;
const messageUnrecognized = 19;

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const u32 = (value: number): Buffer => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);
const element = (type: number, ...parts: (Buffer | number[] | string)[]): Buffer => {
  const value = Buffer.concat(parts.map((part) => Buffer.from(part as Buffer)));
  return Buffer.concat([u16(type), u16(value.length), value]);
};
const sub = (vendor: number | undefined, type: number, text: string): Buffer =>
  Buffer.concat([vendor === undefined ? Buffer.alloc(0) : u32(vendor), u16(type), u16(text.length), Buffer.from(text)]);
const header = Buffer.from("0010020000000000", "hex");
const keepAliveHeader = Buffer.from("0010020800000000", "hex");
const message = (type: number, sequence: number, elements: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(elements);
  return Buffer.concat([header, u32(type), Buffer.from([sequence]), u16(body.length + 3), Buffer.from([0]), body]);
};

interface Outstanding {
  readonly type: number;
  readonly sequence: number;
  readonly bytes: Buffer;
  retries: number;
  at: number;
}

export class OpenCapwapWtp {
  state: "joining" | "running" = "joining";
  /** Times that it came to Run, and why it left. */
  runs = 0;
  losses: string[] = [];
  sent = 0;
  readonly #timers: OpenCapwapTimers;
  readonly #address: string;
  readonly #serial: string;
  #sequence = 0;
  #outstanding: Outstanding | undefined;
  #queue: { readonly type: number; readonly elements: readonly Buffer[] }[] = [];
  #session = 0;
  #echoAt = Number.POSITIVE_INFINITY;
  #keepAliveAt = Number.POSITIVE_INFINITY;
  #statisticsAt = Number.POSITIVE_INFINITY;
  #dataHeardAt = 0;
  #out: WtpDatagram[] = [];

  constructor(address: string, serial: string, timers: OpenCapwapTimers = openCapwapTimers) {
    this.#address = address;
    this.#serial = serial;
    this.#timers = timers;
  }

  start(now: number): WtpDatagram[] {
    this.#join(now);
    return this.#taken();
  }

  nextWakeAt(): number {
    return Math.min(this.#outstanding?.at ?? Number.POSITIVE_INFINITY, this.#echoAt, this.#keepAliveAt, this.#statisticsAt);
  }

  wake(now: number): WtpDatagram[] {
    const outstanding = this.#outstanding;
    if (outstanding !== undefined && outstanding.at <= now) this.#retry(now, outstanding);
    if (this.state === "running" && this.#keepAliveAt <= now) this.#keepAlive(now);
    if (this.state === "running" && this.#echoAt <= now) this.#ask(now, echoRequest, []);
    if (this.state === "running" && this.#statisticsAt <= now) {
      this.#statisticsAt = now + this.#timers.statistics;
      for (const radio of [1, 2]) this.#ask(now, wtpEventRequest, [element(1039, [radio, 0, 0, 0], Buffer.alloc(80))]);
      for (const radio of [1, 2]) this.#ask(now, changeStateEventRequest, this.#radioState(radio));
    }
    return this.#taken();
  }

  control(now: number, bytes: Buffer): WtpDatagram[] {
    const type = bytes.readUInt32BE(8);
    const sequence = bytes[12] as number;
    if (type === configurationUpdateRequest) this.#send(message(type + 1, sequence, [element(33, u32(0))]));
    else if (type % 2 === 0) this.#response(now, type, sequence);
    return this.#taken();
  }

  data(now: number): void {
    this.#dataHeardAt = now;
  }

  #taken(): WtpDatagram[] {
    const out = this.#out;
    this.#out = [];
    this.sent += out.length;
    return out;
  }

  #send(bytes: Buffer, channel: WtpDatagram["channel"] = "control"): void {
    this.#out.push({ channel, bytes });
  }

  #ask(now: number, type: number, elements: readonly Buffer[]): void {
    this.#queue.push({ type, elements });
    this.#next(now);
  }

  #next(now: number): void {
    if (this.#outstanding !== undefined) return;
    const request = this.#queue.shift();
    if (request === undefined) return;
    const sequence = this.#sequence++ & 255;
    const bytes = message(request.type, sequence, request.elements);
    this.#outstanding = { type: request.type, sequence, bytes, retries: 0, at: now + this.#timers.retransmit };
    if (this.state === "running") this.#echoAt = now + this.#timers.echo;
    this.#send(bytes);
  }

  #retry(now: number, outstanding: Outstanding): void {
    if (outstanding.retries++ >= maxRetransmit) {
      this.#leave(now, `no response to ${outstanding.type}`);
      return;
    }
    outstanding.at = now + Math.min(this.#timers.retransmit * 2 ** outstanding.retries, this.#timers.echo / 2);
    this.#send(outstanding.bytes);
  }

  #response(now: number, type: number, sequence: number): void {
    const outstanding = this.#outstanding;
    if (outstanding?.type !== type - 1 || outstanding.sequence !== sequence) {
      // What started endless exchanges.
      this.#send(message(type + 1, sequence, [element(33, u32(messageUnrecognized))]));
      return;
    }
    this.#outstanding = undefined;
    if (type === joinRequest + 1) {
      const [statistics, reboots] = [element(36, u16(120)), element(48, Buffer.alloc(15))];
      const states = [[255, 1] as number[], [1, 1], [2, 1]].map((state) => element(31, state));
      this.#ask(now, configurationStatusRequest, [element(4, "ac"), ...states, statistics, reboots]);
    } else if (type === configurationStatusRequest + 1) this.#ask(now, changeStateEventRequest, this.#radioState(1));
    else if (type === changeStateEventRequest + 1 && this.state === "joining") this.#run(now);
    this.#next(now);
  }

  #join(now: number): void {
    this.state = "joining";
    this.#session++;
    const board = element(38, u32(12_356), sub(undefined, 0, "WTP"), sub(undefined, 1, this.#serial));
    const versions = [sub(12_356, 0, "1"), sub(12_356, 1, "1.0"), sub(12_356, 2, "1")];
    this.#ask(now, joinRequest, [
      element(28, "here"),
      board,
      element(39, [2, 2, 1, 1, 0, 0], ...versions),
      element(45, `wtp-${this.#serial}`),
      element(35, this.#sessionId()),
      element(41, [2]),
      element(44, [0]),
      ...[1, 2].map((radio) => element(1048, [radio], u32(13))),
      element(53, [0]),
      element(30, this.#address.split(".").map(Number)),
    ]);
  }

  #sessionId(): Buffer {
    return Buffer.from(this.#serial.padEnd(15, ".").slice(0, 15) + String.fromCharCode(64 + this.#session));
  }

  #radioState = (radio: number): Buffer[] => [element(32, [radio, 1, 0]), element(33, u32(0))];

  #run(now: number): void {
    this.state = "running";
    this.runs++;
    this.#dataHeardAt = now;
    this.#echoAt = now + this.#timers.echo;
    this.#statisticsAt = now + this.#timers.statistics;
    this.#keepAlive(now);
  }

  #keepAlive(now: number): void {
    if (now - this.#dataHeardAt > this.#timers.dataDead) {
      this.#leave(now, "no keep-alive on the data channel");
      return;
    }
    this.#keepAliveAt = now + this.#timers.keepAlive;
    this.#send(Buffer.concat([keepAliveHeader, u16(22), element(35, this.#sessionId())]), "data");
  }

  #leave(now: number, why: string): void {
    if (this.state === "running") this.losses.push(why);
    this.#outstanding = undefined;
    this.#queue = [];
    this.#echoAt = Number.POSITIVE_INFINITY;
    this.#keepAliveAt = Number.POSITIVE_INFINITY;
    this.#statisticsAt = Number.POSITIVE_INFINITY;
    this.#join(now);
  }
}
