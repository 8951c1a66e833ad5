/** From a datagram to a control message: transport header, reassembly, codec, and what may travel in clear. */
import { type Endpoint, endpointText } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import { decodeMessage } from "../../../wire/capwap/codec.js";
import { capwapLimits } from "../../../wire/capwap/defaults.js";
import { readPacket } from "../../../wire/capwap/header.js";
import type { FailureResponse, Message, MessageName } from "../../../wire/capwap/messages.js";
import type { Datagram, Dropped, DropReason, SendDatagram, Sink } from "../contract.js";
import type { DatagramMaker } from "./datagram-maker.js";
import { problemAnswer, problemDetail } from "./problem-answer.js";
import { RateLimit } from "./rate-limit.js";
import { Reassembly } from "./reassembly.js";
import type { LinkMode } from "./secure-link.js";

/** Handled without a session, hence in clear even where all else is DTLS (§4.1; Primary Discovery is our reading of §5.3). */
const clearMessages: ReadonlySet<MessageName> = new Set<MessageName>([
  "discoveryRequest",
  "discoveryResponse",
  "primaryDiscoveryRequest",
  "primaryDiscoveryResponse",
]);

const mayBeClear = (mode: LinkMode, name: MessageName): boolean => mode === "clear" || clearMessages.has(name);

/** The maker of a peer that has a session; strangers get no error answers. */
export type MakerOf = (peer: Endpoint) => DatagramMaker | undefined;

/** A message as it came. The octets are views of the datagrams, which stay as they are. */
export interface Received {
  readonly message: Message | FailureResponse;
  /** Control header and elements. */
  readonly octets: Uint8Array;
  /** Elements that have no meaning here: of a wireless binding, or without a place in this message. */
  readonly skipped: number;
  /** Radio MAC Address of the transport header (§4.3). */
  readonly radioMac: Uint8Array | undefined;
}

type Output = Sink<Dropped | SendDatagram>;

/** Answers to messages that cannot be used in a second, to all peers. One that answers each of them must not keep an exchange going. */
const problemAnswersPerSecond = 50;

export class Intake {
  readonly #mode: LinkMode;
  readonly #makerOf: MakerOf;
  readonly #reassembly = new Reassembly();
  readonly #answers = new RateLimit(problemAnswersPerSecond);

  constructor(mode: LinkMode, makerOf: MakerOf) {
    this.#mode = mode;
    this.#makerOf = makerOf;
  }

  /**
   * @returns undefined if the datagram completes no message; why, and the answer due to it (§4.5.1.1, §4.5.1.5), went to `out`
   */
  take(now: Instant, { from, bytes, carriage }: Datagram, out: Output): Received | undefined {
    const packet = readPacket(bytes);
    if (packet.type === "malformed") return drop("malformed-header", from, `${packet.reason} (octet ${packet.offset})`, out);
    if (packet.type === "dtls") return drop("not-control", from, "a DTLS record without a link", out);
    const { header, payload } = packet;
    if (header.keepAlive || header.nativeFrame) return drop("not-control", from, "a data channel packet", out);
    let octets = payload;
    if (header.fragment !== undefined) {
      // What anyone can send in clear must never complete a message of the link.
      const reassembled = this.#reassembly.add(now, `${carriage} ${endpointText(from)}`, header.fragment, payload);
      if (reassembled.type === "partial") return undefined;
      if (reassembled.type === "dropped") return drop(reassembled.reason, from, reassembled.detail, out);
      octets = reassembled.message;
    } else if (payload.length > capwapLimits.messageBytesMax) return drop("message-too-long", from, `${payload.length} octets`, out);

    const decoded = decodeMessage(octets);
    if (decoded.ok) {
      const name = decoded.message.type === "failureResponse" ? decoded.message.response : decoded.message.type;
      if (carriage === "clear" && !mayBeClear(this.#mode, name)) return drop("clear-not-allowed", from, `${name} in clear`, out);
      return { message: decoded.message, octets, skipped: decoded.skipped, radioMac: header.radioMac };
    }
    if (decoded.problem === "malformed") return drop("malformed-message", from, `${decoded.reason} (octet ${decoded.offset})`, out);
    if (carriage === "clear" && this.#mode === "dtls") return drop("clear-not-allowed", from, `${decoded.problem} in clear`, out);
    drop(decoded.problem, from, problemDetail(decoded), out);
    const maker = this.#makerOf(from);
    if (maker !== undefined && this.#answers.admits(now)) for (const answer of problemAnswer(decoded, maker) ?? []) out.push(answer);
    return undefined;
  }
}

function drop(reason: DropReason, from: Endpoint, detail: string, out: Output): undefined {
  out.push({ type: "dropped", reason, from, detail });
}
