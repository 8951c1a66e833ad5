/** What a datagram at the listening port asks for. */
import { type ErrorCode, errorCode } from "../../../wire/tftp/error-code.js";
import { type Options, readOptions } from "../../../wire/tftp/options.js";
import { decodePacket } from "../../../wire/tftp/packet.js";

export type Asked =
  | { readonly type: "read"; readonly fileName: string; readonly options: Options }
  | { readonly type: "refused"; readonly code: ErrorCode; readonly message: string };

const refused = (code: ErrorCode, message: string): Asked => ({ type: "refused", code, message });

/** @param bytes a read or write request */
export function readRequest(bytes: Uint8Array): Asked {
  const decoded = decodePacket(bytes);
  if (!decoded.ok) return refused(errorCode.illegalOperation, `unreadable request: ${decoded.malformed.reason}`);
  const { packet } = decoded;
  if (packet.type !== "read-request") return refused(errorCode.accessViolation, "this server is read only");
  const mode = packet.mode.toLowerCase();
  if (mode === "netascii" || mode === "mail") return refused(errorCode.illegalOperation, `mode ${mode} is not served, use octet`);
  if (mode !== "octet") return refused(errorCode.illegalOperation, "unknown mode, use octet");
  return { type: "read", fileName: packet.fileName.replace(/^\//, ""), options: readOptions(packet.options).options };
}
