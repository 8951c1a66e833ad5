/** The optional native sender (`native/tftp-sender.c`): a connected socket and a mapped file in one handle. */
import { loadAddon } from "../native-addon.js";

declare const brand: unique symbol;
export interface NativeSender {
  readonly [brand]: true;
}

/** Nobody sent anything in time. */
export const WAIT_NOTHING = -1;
/** ICMP reported that the peer's port is closed. */
export const WAIT_PEER_GONE = -2;
/** The file is not the one that was opened. */
export const WAIT_FILE_CHANGED = -3;

/** The longest sleep in one call, so that a session thread sees its mail. */
export const SLEEP_MS_MAX = 50;

/** Numbers in the report of `stream` before the round trips. */
export const REPORT_HEAD = 4;

export interface NativeTftp {
  /**
   * @param sizeBytes of what is sent, from `offset` on, a multiple of the page size
   * @param modifiedMs when the file was last written to, as Node's `mtimeMs`; -1 for a part of a file that is still written elsewhere
   * @throws Error with the system's reason
   */
  open(
    localAddress: string,
    localPort: number,
    peerAddress: string,
    peerPort: number,
    fileDescriptor: number,
    sizeBytes: number,
    modifiedMs: number,
    blksize: number,
    offset: number,
  ): NativeSender;
  /** Blocks the thread for at most `timeoutMs` or SLEEP_MS_MAX. The length of a datagram from the peer, cut to `into`, or a WAIT_ code. */
  wait(sender: NativeSender, into: Uint8Array, timeoutMs: number): number;
  /** DATA packets of absolute blocks. What the host cannot send is lost, as on any network. False: the file has changed, and nothing was sent. */
  sendBlocks(sender: NativeSender, firstBlock: number, count: number): boolean;
  /**
   * Sends windows by itself as `SendSession.streamable` allows, for about SLEEP_MS_MAX or until the last block is out, and returns like `wait`.
   * @param report filled with the first block of the window that is out, the block after it, how many ms ago it was sent, the number of
   * round trips, and those in ms from REPORT_HEAD on; when they fill it, it returns
   * @param outMs how long ago the window that is out now was sent; −1 where its ACK measures no round trip
   * @param spinMs how long to ask for the ACK without sleeping
   */
  stream(
    sender: NativeSender,
    into: Uint8Array,
    report: Float64Array,
    next: number,
    windowsize: number,
    end: number,
    outMs: number,
    spinMs: number,
  ): number;
  send(sender: NativeSender, bytes: Uint8Array): void;
  close(sender: NativeSender): void;
}

/** Undefined where nothing was compiled at install: then the plain path does the same work, slower. */
export const loadNativeTftp = (): NativeTftp | undefined => loadAddon<NativeTftp>("tftp-sender");
