/**
 * How an image gets from the AC to one WTP. An AC session drives one transfer at a time through this interface: the stop-and-wait of RFC 5415 §9.1 goes through the session's request channel (`nextBlock`), a transport of its
 * own sends what it wants in `start`, `wake` and `acknowledge`.
 */
import type { Sha256Hex } from "../../../base/sha256.js";
import type { Instant } from "../../../base/time.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import type { FastAck } from "../../../wire/capwap/vendor-transfer.js";
import type { TransferOutcome } from "../ac/ac-contract.js";
import type { ImageRange, SendDatagram, Sink } from "../contract.js";

export interface ImageBlock {
  readonly image: ImageRange;
  readonly last: boolean;
}

export interface ImageTransfer {
  readonly sha256: Sha256Hex;
  /** Bytes of the image that the WTP has, as far as it said. */
  readonly bytesDone: number;
  /** Image bytes sent, retransmissions included. */
  readonly bytesSent: number;
  /** Undefined while it runs. */
  readonly outcome: TransferOutcome | undefined;
  /** Goes into the Image Data Response that opens the transfer, beside Result Code and Image Information. */
  readonly openingElements: Partial<ElementsOf<"imageDataResponse">>;
  /** The opening response has been sent. */
  start(now: Instant, out: Sink<SendDatagram>): void;
  /** The next block for the request channel, asked for whenever that is free. @param bytesMax a full block without */
  nextBlock(now: Instant, bytesMax?: number): ImageBlock | undefined;
  blockAnswered(resultCode: number): void;
  blockResent(now: Instant): void;
  /** An acknowledgement outside the request window. @returns false if it belongs to another transfer */
  acknowledge(now: Instant, resultCode: number, ack: FastAck, out: Sink<SendDatagram>): boolean;
  wake(now: Instant, out: Sink<SendDatagram>): void;
  nextWakeAt(): Instant | undefined;
}
