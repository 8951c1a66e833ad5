/** The optional native sender (`native/tftp-sender.c`): a connected socket and a mapped file in one handle. */
import { loadAddon } from "./native-addon.js";

declare const brand: unique symbol;
export interface NativeSender {
  readonly [brand]: true;
}

/** Nobody sent anything in time. */
export const WAIT_NOTHING = -1;
/** ICMP said that the peer's port is closed. */
export const WAIT_PEER_GONE = -2;

export interface NativeTftp {
  /** @throws Error with the system's reason */
  open(
    localAddress: string,
    localPort: number,
    peerAddress: string,
    peerPort: number,
    fileDescriptor: number,
    sizeBytes: number,
    blksize: number,
  ): NativeSender;
  /** Blocks the thread for at most `timeoutMs` or 50 ms. The length of a datagram from the peer, cut to `into`, or a WAIT_ code. */
  wait(sender: NativeSender, into: Uint8Array, timeoutMs: number): number;
  /** DATA packets of absolute blocks. What the host cannot send is lost, as on any network. */
  sendBlocks(sender: NativeSender, firstBlock: number, count: number): void;
  send(sender: NativeSender, bytes: Uint8Array): void;
  close(sender: NativeSender): void;
}

/** Undefined where nothing was compiled at install: then the plain path does the same work, slower. */
export const loadNativeTftp = (): NativeTftp | undefined => loadAddon<NativeTftp>("tftp-sender");
