/** The stranger rule: what a datagram from the wrong endpoint gets. Its transfer is not ours, and ours continues (RFC 1350 §4). */
import { errorCode } from "../../wire/tftp/error-code.js";
import { encodePacket, opcode, opcodeOf } from "../../wire/tftp/packet.js";

const unknownTransferId = encodePacket({ type: "error", code: errorCode.unknownTransferId, message: "unknown transfer ID" });

/**
 * ERROR 5, or nothing for an ERROR and for what is not TFTP: an answer to either would let two deaf ends talk for ever
 * (RFC 1350 §7).
 */
export const answerToStranger = (bytes: Uint8Array): Uint8Array | undefined => {
  const code = opcodeOf(bytes);
  return code !== opcode.error && code >= opcode.readRequest && code <= opcode.oack ? unknownTransferId : undefined;
};
