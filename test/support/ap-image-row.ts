import type { ApImageRow } from "../../src/core/controller/operator/views.js";

/** What is shown of an AP that takes part in no run. */
export const idleRow = (ap: Pick<ApImageRow, "name" | "mac" | "model" | "group" | "primaryImage">): ApImageRow => ({
  ...ap,
  joined: true,
  lastSeenAt: 0,
  role: null,
  backupImage: "0.0.0.0",
  status: "None",
  version: null,
  nextRetrySeconds: null,
  retryCount: null,
  source: null,
  wanBytes: 0,
  lanBytes: 0,
  failureReason: null,
  bytesDone: 0,
  bytesTotal: 0,
  bytesPerSecond: null,
  secondsLeft: null,
  wanWireBytes: 0,
});
