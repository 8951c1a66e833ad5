import { ByteReader } from "../base/bytes.js";
import { type Endpoint, endpointText } from "../base/endpoint.js";
import { elements } from "../wire/capwap/elements.js";
import { isFastFragment } from "../wire/capwap/fast-segment.js";
import { messages } from "../wire/capwap/messages.js";
import type { Check } from "./checkers.js";
import type { Network } from "./network.js";
import { capwapIn } from "./secure-link/stand-in-wire.js";

/** Stateless messages: they belong to no session and no request channel. */
const stateless: ReadonlySet<number> = new Set(
  [messages.discoveryRequest, messages.discoveryResponse, messages.primaryDiscoveryRequest, messages.primaryDiscoveryResponse].map(
    ({ type }) => type,
  ),
);

/** Data Type of Image Data (§4.6.26). */
const abortDataType = 5;

interface Outstanding {
  readonly sequence: number;
  readonly type: number;
  answered: boolean;
}

/**
 * RFC 5415 §4.5.3: at most one request outstanding in each direction of a session. Reads the datagrams of the CAPWAP
 * control port as an outsider would, so that it shares no mistakes with the sessions' own state.
 *
 * A block of an abandoned transfer need not be answered: an abort may follow it at once, and so may anything else once the AP
 * has requested an image again. The fast transfer's segments have an accounting of their own.
 */
export function watchRequests(network: Network, controlPort: number): Check {
  const outstanding = new Map<string, Outstanding>();
  let broken: string | undefined;
  const directionOf = (from: Endpoint, to: Endpoint): string => `${endpointText(from)} > ${endpointText(to)}`;
  network.tap("sent", ({ from, to, bytes }) => {
    const message = controlMessage(from, to, capwapIn(bytes), controlPort);
    if (message === undefined || message.type % 2 === 0) return;
    const direction = directionOf(from, to);
    if (message.type === messages.joinRequest.type) outstanding.delete(directionOf(to, from));
    const before = outstanding.get(direction);
    if (before?.sequence === message.sequence && before.type === message.type) return;
    if (before !== undefined && !before.answered && message.type !== messages.joinRequest.type && !message.isAbort)
      broken ??= `${direction}: request ${message.type} sent while ${before.type} is unanswered`;
    outstanding.set(direction, { sequence: message.sequence, type: message.type, answered: false });
  });
  network.tap("arrived", ({ from, to, bytes }) => {
    const message = controlMessage(from, to, capwapIn(bytes), controlPort);
    if (message === undefined) return;
    const request = outstanding.get(directionOf(to, from));
    if (request === undefined) return;
    const answers = request.sequence === message.sequence && request.type === message.type - 1;
    const restarts = request.type === message.type && message.type === messages.imageDataRequest.type;
    if (answers || restarts) request.answered = true;
  });
  return { name: "one request outstanding per direction", broken: () => broken };
}

interface ControlMessage {
  readonly type: number;
  readonly sequence: number;
  /** An Image Data Request that abandons the transfer. */
  readonly isAbort: boolean;
}

/** First fragments only, since they hold the control header. Requests have odd numbers, each response the next even one (§4.5.1.1). */
function controlMessage(from: Endpoint, to: Endpoint, bytes: Uint8Array | undefined, controlPort: number): ControlMessage | undefined {
  if (bytes === undefined) return undefined;
  if (from.port !== controlPort && to.port !== controlPort) return undefined;
  const headerBytes = ((bytes[1] ?? 0) >>> 3) * 4;
  const fragmentOffset = (((bytes[6] ?? 0) << 8) | (bytes[7] ?? 0)) >>> 3;
  if (bytes[0] !== 0 || fragmentOffset !== 0 || isFastFragment(bytes)) return undefined;
  const reader = new ByteReader(bytes, headerBytes);
  const type = reader.u32();
  const sequence = reader.u8();
  reader.bytes(3);
  if (reader.fault !== undefined || stateless.has(type)) return undefined;
  return { type, sequence, isAbort: type === messages.imageDataRequest.type && dataTypeIn(reader) === abortDataType };
}

/** Data Type of the Image Data among the elements. */
function dataTypeIn(reader: ByteReader): number | undefined {
  while (reader.remaining > 0 && reader.fault === undefined) {
    const type = reader.u16();
    const value = reader.bytes(reader.u16());
    if (type === elements.imageData.type) return value[0];
  }
  return undefined;
}
