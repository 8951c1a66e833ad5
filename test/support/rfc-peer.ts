/**
 * A foreign WTP and a foreign AC, written from RFC 5415 alone: nothing of flexup's code is imported or copied, so what they
 * understand is what the RFC says. They speak as little as a peer needs that downloads or sends an image over the control channel in
 * clear: Join, Configure, Run, Echo and Image Data (§9.1).
 *
 * Both are plain objects: `receive` takes a datagram and gives the datagrams to send back; who carries them is the test's business.
 * They do not retransmit; `repeatLast` gives the last request again for whoever wants to.
 */
import { createHash } from "node:crypto";

/** Message types, §4.5.1.1. */
const type = {
  discoveryRequest: 1,
  discoveryResponse: 2,
  joinRequest: 3,
  joinResponse: 4,
  configurationStatusRequest: 5,
  configurationStatusResponse: 6,
  configurationUpdateRequest: 7,
  configurationUpdateResponse: 8,
  wtpEventRequest: 9,
  wtpEventResponse: 10,
  changeStateEventRequest: 11,
  changeStateEventResponse: 12,
  echoRequest: 13,
  echoResponse: 14,
  imageDataRequest: 15,
  imageDataResponse: 16,
  resetRequest: 17,
  resetResponse: 18,
} as const;

/** Message element types, §4.6. */
const element = {
  acDescriptor: 1,
  acIpv4List: 2,
  acName: 4,
  controlIpv4: 10,
  capwapTimers: 12,
  decryptionErrorReportPeriod: 16,
  discoveryType: 20,
  idleTimeout: 23,
  imageData: 24,
  imageIdentifier: 25,
  imageInformation: 26,
  initiateDownload: 27,
  location: 28,
  localIpv4: 30,
  radioAdministrativeState: 31,
  radioOperationalState: 32,
  resultCode: 33,
  sessionId: 35,
  statisticsTimer: 36,
  boardData: 38,
  descriptor: 39,
  wtpFallback: 40,
  frameTunnelMode: 41,
  macType: 44,
  wtpName: 45,
  rebootStatistics: 48,
  ecnSupport: 53,
  radioInformation: 1048,
} as const;

const imageDataType = { data: 1, eof: 2, error: 5 } as const;

export interface ForeignMessage {
  readonly type: number;
  readonly sequence: number;
  readonly elements: readonly { readonly type: number; readonly value: Buffer }[];
}

const u8 = (value: number): Buffer => Buffer.from([value]);
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const u32 = (value: number): Buffer => Buffer.from([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
const text = (value: string): Buffer => Buffer.from(value, "utf8");
const ip = (value: string): Buffer => Buffer.from(value.split(".").map(Number));

type Part = readonly [number, Buffer];

/** CAPWAP header (§4.3: HLEN 2, RID 0, WBID 1), control header (§4.5.1), elements (§4.6). */
export function foreignDatagram(messageType: number, sequence: number, parts: readonly Part[]): Buffer {
  const body = Buffer.concat(parts.flatMap(([elementType, value]) => [u16(elementType), u16(value.length), value]));
  return Buffer.concat([Buffer.from("0010020000000000", "hex"), u32(messageType), u8(sequence), u16(body.length + 3), u8(0), body]);
}

/** @throws Error for what the RFC does not allow, and for fragments, which these peers do not take */
export function readForeign(datagram: Buffer): ForeignMessage {
  if (datagram[0] !== 0) throw new Error("preamble");
  const headerBytes = (datagram.readUInt16BE(1) >> 11) * 4;
  if ((datagram.readUInt8(3) & 0x80) !== 0) throw new Error("fragment");
  const message = datagram.subarray(headerBytes);
  if (message.readUInt16BE(5) !== message.length - 5) throw new Error("Message Element Length");
  if (message[7] !== 0) throw new Error("flags");
  const elements: { type: number; value: Buffer }[] = [];
  let at = 8;
  while (at < message.length) {
    const length = message.readUInt16BE(at + 2);
    if (at + 4 + length > message.length) throw new Error("element overruns the message");
    elements.push({ type: message.readUInt16BE(at), value: message.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return { type: message.readUInt32BE(0), sequence: message.readUInt8(4), elements };
}

const elementValue = (message: ForeignMessage, elementType: number): Buffer | undefined =>
  message.elements.find((entry) => entry.type === elementType)?.value;
const resultOf = (message: ForeignMessage): number => elementValue(message, element.resultCode)?.readUInt32BE(0) ?? 0;

const resultCode = (code: number): Part => [element.resultCode, u32(code)];
const subElement = (subType: number, value: Buffer): Buffer => Buffer.concat([u16(subType), u16(value.length), value]);

export interface ForeignWtpOptions {
  readonly address: string;
  readonly mac: string;
  readonly name: string;
  readonly model: string;
  readonly version: string;
  /** Answers block number `block` (the first is 0) with this Result Code. */
  readonly fail?: { readonly block: number; readonly resultCode: number };
}

/** A WTP that joins and takes the image that the AC tells it to. */
export class ForeignWtp {
  state: "discovery" | "join" | "configure" | "data-check" | "run" | "refused" = "discovery";
  /** Result of the download as this WTP judges it. */
  download: "none" | "requested" | "running" | "complete" | "failed" | "aborted" = "none";
  readonly blocks: Buffer[] = [];
  /** Result Codes that the AC gave. */
  readonly results: number[] = [];
  readonly #options: ForeignWtpOptions;
  #sequence = 200;
  #lastRequest: Buffer = Buffer.alloc(0);
  #lastAnswered = -1;
  #lastAnswer: Buffer = Buffer.alloc(0);
  #announced: { readonly sizeBytes: number; readonly md5: Buffer } | undefined;
  #identifier: Buffer = Buffer.alloc(0);

  constructor(options: ForeignWtpOptions) {
    this.#options = options;
  }

  get image(): Buffer {
    return Buffer.concat(this.blocks);
  }

  start(): Buffer[] {
    return [this.#ask(type.discoveryRequest, [[element.discoveryType, u8(0)], ...this.#description()])];
  }

  echo(): Buffer[] {
    return [this.#ask(type.echoRequest, [])];
  }

  repeatLast(): Buffer[] {
    return [this.#lastRequest];
  }

  receive(datagram: Buffer): Buffer[] {
    const message = readForeign(datagram);
    if (message.type % 2 === 1) return this.#request(message);
    if (message.sequence !== this.#sequence) return [];
    return this.#response(message);
  }

  #ask(messageType: number, parts: readonly Part[]): Buffer {
    this.#sequence = (this.#sequence + 1) & 255;
    this.#lastRequest = foreignDatagram(messageType, this.#sequence, parts);
    return this.#lastRequest;
  }

  #description(): Part[] {
    const { mac, model, version } = this.#options;
    const board = Buffer.concat([
      u32(9),
      subElement(0, text(model)),
      subElement(1, text("FOREIGN1")),
      subElement(4, Buffer.from(mac.replaceAll(":", ""), "hex")),
    ]);
    const versions = [0, 1, 2].map((kind) => Buffer.concat([u32(0), subElement(kind, text(kind === 1 ? version : "1.0"))]));
    return [
      [element.boardData, board],
      [element.descriptor, Buffer.concat([u8(1), u8(1), u8(1), u8(1), u16(0), ...versions])],
      [element.frameTunnelMode, u8(2)],
      [element.macType, u8(0)],
      [element.radioInformation, Buffer.concat([u8(1), u32(1)])],
    ];
  }

  #response(message: ForeignMessage): Buffer[] {
    const code = resultOf(message);
    switch (message.type) {
      case type.discoveryResponse:
        this.state = "join";
        return [
          this.#ask(type.joinRequest, [
            [element.location, text("a desk")],
            ...this.#description(),
            [element.wtpName, text(this.#options.name)],
            [element.sessionId, createHash("md5").update(this.#options.mac).digest()],
            [element.ecnSupport, u8(0)],
            [element.localIpv4, ip(this.#options.address)],
          ]),
        ];
      case type.joinResponse:
        this.results.push(code);
        if (code !== 0 && code !== 2) {
          this.state = "refused";
          return [];
        }
        this.state = "configure";
        return [
          this.#ask(type.configurationStatusRequest, [
            [element.acName, elementValue(message, element.acName) ?? text("?")],
            [element.radioAdministrativeState, Buffer.from([0xff, 1])],
            [element.radioAdministrativeState, Buffer.from([1, 1])],
            [element.statisticsTimer, u16(120)],
            [element.rebootStatistics, Buffer.alloc(15)],
          ]),
        ];
      case type.configurationStatusResponse:
        this.state = "data-check";
        return [this.#ask(type.changeStateEventRequest, [[element.radioOperationalState, Buffer.from([1, 1, 0])], resultCode(0)])];
      case type.changeStateEventResponse:
        this.state = "run";
        return [];
      case type.imageDataResponse: {
        this.results.push(code);
        const information = elementValue(message, element.imageInformation);
        this.download = code === 0 && information?.length === 20 ? "running" : "failed";
        if (information?.length === 20)
          this.#announced = { sizeBytes: information.readUInt32BE(0), md5: Buffer.from(information.subarray(4)) };
        return [];
      }
      default:
        this.results.push(code);
        return [];
    }
  }

  #request(message: ForeignMessage): Buffer[] {
    if (message.sequence === this.#lastAnswered) return [this.#lastAnswer];
    switch (message.type) {
      case type.configurationUpdateRequest: {
        const answer = this.#answer(message, [resultCode(0)]);
        const identifier = elementValue(message, element.imageIdentifier);
        if (identifier === undefined) return [answer];
        this.#identifier = Buffer.from(identifier);
        return [answer, ...this.requestImage()];
      }
      case type.imageDataRequest:
        return [this.#answer(message, [resultCode(this.#block(elementValue(message, element.imageData)))])];
      case type.resetRequest:
        return [this.#answer(message, [resultCode(0)])];
      default:
        return [this.#answer(message, [resultCode(19)])];
    }
  }

  /** Image Data Request with Image Identifier and Initiate Download (§9.1.1). */
  requestImage(identifier = this.#identifier): Buffer[] {
    this.download = "requested";
    this.blocks.length = 0;
    return [
      this.#ask(type.imageDataRequest, [
        [element.imageIdentifier, identifier],
        [element.initiateDownload, Buffer.alloc(0)],
      ]),
    ];
  }

  #block(value: Buffer | undefined): number {
    if (value === undefined || this.download !== "running") return 18;
    const { fail } = this.#options;
    if (value[0] === imageDataType.error) {
      this.download = "aborted";
      return 0;
    }
    if (fail !== undefined && this.blocks.length === fail.block) {
      this.download = "failed";
      return fail.resultCode;
    }
    if (value.length > 1025) throw new Error("a block of more than 1024 octets");
    this.blocks.push(Buffer.from(value.subarray(1)));
    if (value[0] !== imageDataType.eof) return 0;
    const { image } = this;
    const right = image.length === this.#announced?.sizeBytes && createHash("md5").update(image).digest().equals(this.#announced.md5);
    this.download = right ? "complete" : "failed";
    return right ? 0 : 14;
  }

  #answer(message: ForeignMessage, parts: readonly Part[]): Buffer {
    this.#lastAnswered = message.sequence;
    this.#lastAnswer = foreignDatagram(message.type + 1, message.sequence, parts);
    return this.#lastAnswer;
  }
}

export interface ForeignAcOptions {
  readonly address: string;
  readonly name: string;
  readonly image: Buffer;
  /** Size and digest to announce where they are to be wrong. */
  readonly announce?: { readonly sizeBytes?: number; readonly md5?: Buffer };
  /** Sends Image Data type 5 in place of this block. */
  readonly abortAtBlock?: number;
  /** Refuses the download with this Result Code. */
  readonly refuse?: number;
}

/** An AC that takes any WTP and sends it an image block by block. */
export class ForeignAc {
  state: "idle" | "joined" | "configured" | "run" = "idle";
  transfer: "none" | "running" | "complete" | "refused" | "aborted" = "none";
  /** Result Codes of the WTP's Image Data Responses. */
  readonly results: number[] = [];
  /** Result Codes of its Configuration Update Responses. */
  readonly orderResults: number[] = [];
  readonly #options: ForeignAcOptions;
  #sequence = 99;
  #nextBlock = 0;

  constructor(options: ForeignAcOptions) {
    this.#options = options;
  }

  /** Configuration Update Request with an Image Identifier: "download this" (§9.1, pre-download in Run). */
  order(version: string): Buffer[] {
    return [this.#ask(type.configurationUpdateRequest, [[element.imageIdentifier, Buffer.concat([u32(9), text(version)])]])];
  }

  receive(datagram: Buffer): Buffer[] {
    const message = readForeign(datagram);
    return message.type % 2 === 1 ? this.#request(message) : this.#response(message);
  }

  #ask(messageType: number, parts: readonly Part[]): Buffer {
    this.#sequence = (this.#sequence + 1) & 255;
    return foreignDatagram(messageType, this.#sequence, parts);
  }

  #request(message: ForeignMessage): Buffer[] {
    const answer = (parts: readonly Part[]): Buffer[] => [foreignDatagram(message.type + 1, message.sequence, parts)];
    switch (message.type) {
      case type.discoveryRequest:
        return answer(this.#self());
      case type.joinRequest:
        this.state = "joined";
        return answer([resultCode(0), ...this.#self(), [element.ecnSupport, u8(0)], [element.localIpv4, ip(this.#options.address)]]);
      case type.configurationStatusRequest:
        this.state = "configured";
        return answer([
          [element.capwapTimers, Buffer.from([20, 30])],
          [element.decryptionErrorReportPeriod, Buffer.from([1, 0, 120])],
          [element.idleTimeout, u32(300)],
          [element.wtpFallback, u8(1)],
          [element.acIpv4List, ip(this.#options.address)],
        ]);
      case type.changeStateEventRequest:
        this.state = "run";
        return answer([]);
      case type.imageDataRequest:
        return this.#download(answer);
      case type.echoRequest:
      case type.wtpEventRequest:
        return answer([]);
      default:
        return answer([resultCode(19)]);
    }
  }

  #self(): Part[] {
    const versions = [4, 5].map((kind) => Buffer.concat([u32(0), subElement(kind, text("1.0"))]));
    return [
      [element.acDescriptor, Buffer.concat([u16(0), u16(10), u16(0), u16(10), u8(0), u8(2), u8(0), u8(2), ...versions])],
      [element.acName, text(this.#options.name)],
      [element.radioInformation, Buffer.concat([u8(1), u32(1)])],
      [element.controlIpv4, Buffer.concat([ip(this.#options.address), u16(1)])],
    ];
  }

  #download(answer: (parts: readonly Part[]) => Buffer[]): Buffer[] {
    const { refuse, announce, image } = this.#options;
    if (refuse !== undefined) {
      this.transfer = "refused";
      return answer([resultCode(refuse)]);
    }
    this.transfer = "running";
    this.#nextBlock = 0;
    const md5 = announce?.md5 ?? createHash("md5").update(image).digest();
    const information: Part = [element.imageInformation, Buffer.concat([u32(announce?.sizeBytes ?? image.length), md5])];
    return [...answer([resultCode(0), information]), ...this.#sendBlock()];
  }

  #sendBlock(): Buffer[] {
    const { image, abortAtBlock } = this.#options;
    const block = this.#nextBlock++;
    if (block === abortAtBlock) {
      this.transfer = "aborted";
      return [this.#ask(type.imageDataRequest, [[element.imageData, u8(imageDataType.error)]])];
    }
    const data = image.subarray(block * 1024, (block + 1) * 1024);
    // No look-ahead: an image of a multiple of 1,024 octets ends with an empty block.
    const kind = data.length < 1024 ? imageDataType.eof : imageDataType.data;
    return [this.#ask(type.imageDataRequest, [[element.imageData, Buffer.concat([u8(kind), data])]])];
  }

  #response(message: ForeignMessage): Buffer[] {
    if (message.sequence !== this.#sequence) return [];
    const code = resultOf(message);
    if (message.type === type.configurationUpdateResponse) this.orderResults.push(code);
    if (message.type !== type.imageDataResponse) return [];
    this.results.push(code);
    if (this.transfer !== "running") return [];
    if (code !== 0) {
      this.transfer = "refused";
      return [];
    }
    if (this.#nextBlock * 1024 > this.#options.image.length) {
      this.transfer = "complete";
      return [];
    }
    return this.#sendBlock();
  }
}
