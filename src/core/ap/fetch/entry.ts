import { invariant } from "../../../base/invariant.js";
import type { FetchContext } from "./context.js";
import type { Stage } from "./stage.js";

/** Effects of entering a stage. */
export function enter({ assignment, slots, out }: FetchContext, stage: Stage): void {
  const { version, vendor, sha256, sizeBytes, fileName, server, stream } = assignment.order;
  switch (stage.name) {
    case "wan-opening":
    case "lan-opening": {
      const resume = (stage.name === "wan-opening" || stream !== undefined) && sha256 !== null;
      out.push({ type: "open-download", downloadId: stage.downloadId, slot: slots.target, version, sizeBytes, sha256, resume });
      return;
    }
    case "wan-asking":
      out.push({ type: "start-image", vendor, version, sha256, storedBytes: assignment.bytesDone });
      return;
    case "lan-receiving":
      invariant(server !== null, "a subordinate knows its primary");
      out.push({ type: "fetch", fetchId: stage.downloadId, server, fileName, sizeBytes, downloadId: stage.downloadId, offset: 0 });
      return;
    case "wan-verifying":
    case "lan-verifying":
      out.push({ type: "verify-download", downloadId: stage.downloadId });
      return;
    case "wan-committing":
    case "lan-committing": {
      const record = slots.recordWith(stage.commit.image);
      out.push({ type: "commit-slot", downloadId: stage.downloadId, slot: slots.target, record });
      return;
    }
    case "complete":
      out.push({ type: "run-complete" });
  }
}
