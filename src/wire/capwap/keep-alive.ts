/**
 * Data Channel Keep-Alive (RFC 5415 §4.4.1): a transport header with the K bit, then the length of what follows and the Session ID
 * element.
 */
import { ByteReader, ByteWriter } from "../../base/bytes.js";
import { elements } from "./elements.js";
import { plainHeader, readPacket, writeHeader } from "./header.js";

const sessionIdBytes = 16;
/** Type and length of the element. */
const elementHeaderBytes = 4;
/** Message Element Length counts itself (as the WTPs that we know send it) or what is behind it. */
const lengths: ReadonlySet<number> = new Set([2 + elementHeaderBytes + sessionIdBytes, elementHeaderBytes + sessionIdBytes]);

/** @returns the Session ID, or undefined for anything else */
export function readKeepAlive(datagram: Uint8Array): Uint8Array | undefined {
  const packet = readPacket(datagram);
  if (packet.type !== "capwap" || !packet.header.keepAlive || packet.header.fragment !== undefined) return undefined;
  const reader = new ByteReader(packet.payload);
  const isMeasured = lengths.has(reader.u16());
  const isSessionId = reader.u16() === elements.sessionId.type && reader.u16() === sessionIdBytes;
  const sessionId = reader.bytes(sessionIdBytes);
  return isMeasured && isSessionId && !reader.fault && reader.remaining === 0 ? sessionId : undefined;
}

/** @param sessionId sixteen octets, of the Join Request */
export function keepAlive(sessionId: Uint8Array): Uint8Array {
  const writer = new ByteWriter(64);
  writeHeader(writer, { ...plainHeader, keepAlive: true });
  writer.u16(2 + elementHeaderBytes + sessionIdBytes);
  writer.u16(elements.sessionId.type);
  writer.u16(sessionIdBytes);
  writer.bytes(sessionId);
  return writer.view();
}
