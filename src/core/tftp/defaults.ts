import { BLKSIZE_MAX } from "../../wire/tftp/options.js";
import type { ClientSettings } from "./client/contract.js";
import type { ServerSettings } from "./server/contract.js";

export const defaultServerSettings: ServerSettings = {
  sessionsMax: 3,
  blksizeMax: BLKSIZE_MAX,
  windowBytesMax: 1024 * 1024,
  rateBytesPerSecond: undefined,
  sessionRateBytesPerSecond: undefined,
  requestsPerSecondMax: 50,
  singlePort: false,
  looksUp: false,
  firstAckMsMax: 25_000,
  idleMsMax: 30_000,
};

export const defaultClientSettings: ClientSettings = {
  firstTimeoutMs: 1000,
  timeoutMsMax: 1000,
  unansweredMsMax: 15_000,
  idleMsMax: 30_000,
  dallyMs: 3000,
  backlogBytesMax: 1024 * 1024,
};

/** The largest block that an Ethernet frame carries unfragmented with room for a tunnel's header. */
export const LAN_BLKSIZE = 1428;
export const LAN_WINDOWSIZE = 32;
