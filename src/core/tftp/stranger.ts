/** What a datagram from the wrong endpoint gets: its transfer is not ours, and ours goes on (RFC 1350 §4). */
import { errorCode } from "../../wire/tftp/error-code.js";
import { encodePacket, opcode, opcodeOf } from "../../wire/tftp/packet.js";

export const unknownTransferId = encodePacket({ type: "error", code: errorCode.unknownTransferId, message: "unknown transfer ID" });

/** An ERROR is never answered, nor what is no TFTP: either would let two deaf ends talk for ever (RFC 1350 §7). */
export const deservesUnknownTransferId = (bytes: Uint8Array): boolean => {
  const code = opcodeOf(bytes);
  return code !== opcode.error && code >= opcode.readRequest && code <= opcode.oack;
};
