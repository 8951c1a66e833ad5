/** From a datagram to a control message: transport header, reassembly, codec, and what may travel in clear. */
import { endpointText } from "../../../base/endpoint.js";
import type { Instant } from "../../../base/time.js";
import { decodeMessage, type Problem } from "../../../wire/capwap/codec.js";
import { capwapLimits } from "../../../wire/capwap/defaults.js";
import { readPacket } from "../../../wire/capwap/header.js";
import type { FailureResponse, Message, MessageName } from "../../../wire/capwap/messages.js";
import type { Datagram, DropReason } from "../contract.js";
import { Reassembly } from "./reassembly.js";
import type { LinkMode } from "./secure-link.js";

export type Taken =
  | { readonly type: "message"; readonly message: Message | FailureResponse }
  /** A whole message that cannot be used as it is; some problems have an answer. */
  | { readonly type: "problem"; readonly problem: Exclude<Problem, { problem: "malformed" }> }
  /** A fragment that waits for others. */
  | { readonly type: "partial" }
  | { readonly type: "dropped"; readonly reason: DropReason; readonly detail: string };

/** Handled without a session, hence in clear even where all else is DTLS (§4.1; Primary Discovery is our reading of §5.3). */
const clearMessages: ReadonlySet<MessageName> = new Set<MessageName>([
  "discoveryRequest",
  "discoveryResponse",
  "primaryDiscoveryRequest",
  "primaryDiscoveryResponse",
]);

const mayBeClear = (mode: LinkMode, name: MessageName): boolean => mode === "clear" || clearMessages.has(name);

export class Intake {
  readonly #mode: LinkMode;
  readonly #reassembly = new Reassembly();

  constructor(mode: LinkMode) {
    this.#mode = mode;
  }

  take(now: Instant, { from, bytes, carriage }: Datagram): Taken {
    const packet = readPacket(bytes);
    if (packet.type === "malformed") return dropped("malformed-header", `${packet.reason} (octet ${packet.offset})`);
    if (packet.type === "dtls") return dropped("not-control", "a DTLS record without a link");
    const { header, payload } = packet;
    if (header.keepAlive || header.nativeFrame) return dropped("not-control", "a data channel packet");
    let message = payload;
    if (header.fragment !== undefined) {
      const reassembled = this.#reassembly.add(now, endpointText(from), header.fragment, payload);
      if (reassembled.type !== "whole") return reassembled;
      message = reassembled.message;
    } else if (payload.length > capwapLimits.messageBytesMax) return dropped("message-too-long", `${payload.length} octets`);

    const decoded = decodeMessage(message);
    if (decoded.ok) {
      const name = decoded.message.type === "failureResponse" ? decoded.message.response : decoded.message.type;
      if (carriage === "clear" && !mayBeClear(this.#mode, name)) return dropped("clear-not-allowed", `${name} in clear`);
      return { type: "message", message: decoded.message };
    }
    if (decoded.problem === "malformed") return dropped("malformed-message", `${decoded.reason} (octet ${decoded.offset})`);
    if (carriage === "clear" && this.#mode === "dtls") return dropped("clear-not-allowed", `${decoded.problem} in clear`);
    return { type: "problem", problem: decoded };
  }
}

const dropped = (reason: DropReason, detail: string): Taken => ({ type: "dropped", reason, detail });
