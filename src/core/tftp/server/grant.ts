/** What a peer gets of the options that it asked for (RFC 2347–2349, 7440). */
import { DEFAULT_BLKSIZE, DEFAULT_WINDOWSIZE, type Options, writeOptions } from "../../../wire/tftp/options.js";
import { DATA_HEADER_BYTES, encodePacket } from "../../../wire/tftp/packet.js";
import type { ServerSettings, SessionPlan } from "./contract.js";

export type Grant = Pick<SessionPlan, "blksize" | "windowsize" | "timeoutMs" | "oack">;

export function grantOptions(asked: Options, sizeBytes: number, { blksizeMax, windowBytesMax }: ServerSettings): Grant {
  const blksize = Math.min(asked.blksize ?? DEFAULT_BLKSIZE, blksizeMax);
  const windowMax = Math.max(1, Math.floor(windowBytesMax / (DATA_HEADER_BYTES + blksize)));
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
