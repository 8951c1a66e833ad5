/** What a peer gets of the options that it asked for (RFC 2347–2349, 7440). */
import { DEFAULT_BLKSIZE, DEFAULT_WINDOWSIZE, type Options, WINDOWSIZE_MAX, writeOptions } from "../../../wire/tftp/options.js";
import { DATA_HEADER_BYTES, encodePacket } from "../../../wire/tftp/packet.js";
import { LAN_BLKSIZE } from "../defaults.js";
import type { ServerSettings, SessionPlan } from "./contract.js";

export type Grant = Pick<SessionPlan, "blksize" | "windowsize" | "timeoutMs" | "oack">;

/** In single-port mode a forged ACK 0 opens the first window: there is no port to guess. So windows stay small. */
const SINGLE_PORT_MAX = { blksize: LAN_BLKSIZE, windowsize: 8 };

export function grantOptions(asked: Options, sizeBytes: number, settings: ServerSettings): Grant {
  const { blksizeMax, windowBytesMax, singlePort } = settings;
  const most = singlePort ? SINGLE_PORT_MAX : { blksize: blksizeMax, windowsize: WINDOWSIZE_MAX };
  const blksize = Math.min(asked.blksize ?? DEFAULT_BLKSIZE, blksizeMax, most.blksize);
  const windowMax = Math.min(most.windowsize, Math.max(1, Math.floor(windowBytesMax / (DATA_HEADER_BYTES + blksize))));
  const windowsize = Math.min(asked.windowsize ?? DEFAULT_WINDOWSIZE, windowMax);
  const options = writeOptions({
    ...(asked.blksize !== undefined && { blksize }),
    ...(asked.tsize !== undefined && { tsize: sizeBytes }),
    ...(asked.timeoutSeconds !== undefined && { timeoutSeconds: asked.timeoutSeconds }),
    ...(asked.windowsize !== undefined && { windowsize }),
  });
  return {
    blksize,
    windowsize,
    timeoutMs: asked.timeoutSeconds === undefined ? undefined : asked.timeoutSeconds * 1000,
    oack: options.length === 0 ? undefined : encodePacket({ type: "oack", options }),
  };
}
