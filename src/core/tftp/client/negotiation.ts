/** What a fetch asks of the server, and whether an OACK fits it (RFC 2347–2349, 7440). */
import { BLKSIZE_MIN, DEFAULT_BLKSIZE, DEFAULT_WINDOWSIZE, type Options } from "../../../wire/tftp/options.js";
import type { ClientRequest } from "./contract.js";

/** Block sizes that fit Ethernet with a tunnel, IPv6's smallest MTU of 1280, and any path. */
const PATH_BLKSIZES = [1428, 1228, DEFAULT_BLKSIZE];

export const optionsFor = ({ blksize, windowsize, timeoutSeconds, plainRequest }: ClientRequest): Options =>
  plainRequest === true
    ? {}
    : {
        tsize: 0,
        ...(blksize !== DEFAULT_BLKSIZE && { blksize }),
        ...(windowsize !== DEFAULT_WINDOWSIZE && { windowsize }),
        ...(timeoutSeconds !== undefined && { timeoutSeconds }),
      };

/** No window that would overrun the receive buffer, counted as Linux counts SO_RCVBUF. */
export function fittingWindow(asked: Options, receiveBufferBytes: number): Options {
  const { blksize = DEFAULT_BLKSIZE, windowsize } = asked;
  const fitting = Math.max(DEFAULT_WINDOWSIZE, Math.floor(receiveBufferBytes / bufferedBytes(blksize)));
  return windowsize !== undefined && windowsize > fitting ? { ...asked, windowsize: fitting } : asked;
}

/** What a kernel takes at most from the receive buffer for a DATA packet: its memory comes in powers of two, and a description with it. */
const bufferedBytes = (blksize: number): number => 2 * blksize + 1024;

/** The next block size to try on a path that lost every block of `blksize`; undefined where none is smaller. */
export const smallerBlksize = (blksize: number): number | undefined => PATH_BLKSIZES.find((size) => size < blksize);

/** An OACK may hold only what was asked, and no more of it (RFC 2347, 2348, 7440); a timeout must be the one asked (2349). */
export function oackFault(asked: Options, granted: Options): string | undefined {
  const { tsize, blksize = 0, windowsize = 0, timeoutSeconds } = asked;
  if (granted.tsize !== undefined && tsize === undefined) return "tsize was not asked";
  if (granted.blksize !== undefined && (granted.blksize > blksize || granted.blksize < BLKSIZE_MIN)) return `blksize ${granted.blksize}`;
  if (granted.windowsize !== undefined && granted.windowsize > windowsize) return `windowsize ${granted.windowsize}`;
  if (granted.timeoutSeconds !== undefined && granted.timeoutSeconds !== timeoutSeconds) return `timeout ${granted.timeoutSeconds}`;
  return undefined;
}
