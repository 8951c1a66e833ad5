/** The order that an AP gets, from what the operator set and the run's image. */
import type { Endpoint } from "../../../base/endpoint.js";
import { sha256Octets } from "../../../base/sha256.js";
import { secondsToMs } from "../../../base/time.js";
import type { UpgradeOrder } from "../../../wire/capwap/vendor.js";
import type { ApCommand } from "../ap-port.js";
import type { GroupRecord } from "../records.js";
import type { MemberRole, RunImage } from "./run.js";
import type { RunId } from "./run-numbers.js";

const nowhere: Endpoint = { address: "", port: 0 };

export interface OrderFacts {
  readonly runId: RunId;
  readonly role: MemberRole;
  readonly image: RunImage;
  readonly policy: Pick<GroupRecord, "retryCount" | "backoffSecondsMin" | "backoffSecondsMax">;
  /** The primary's TFTP server; for subordinates. */
  readonly server: Endpoint | null;
  readonly sessionsMax: number;
  readonly refetch: boolean;
  /** The AP speaks our elements; otherwise it gets the Image Identifier alone. */
  readonly capable: boolean;
}

export function upgradeCommand({ runId, role, image, policy, server, sessionsMax, refetch, capable }: OrderFacts): ApCommand {
  const { version, fileName, sizeBytes, family, sha256 } = image;
  const order: Omit<UpgradeOrder, "runId"> = {
    role,
    version,
    fileName,
    sizeBytes,
    sha256: sha256Octets(sha256),
    family,
    server: server ?? nowhere,
    retryCountMax: policy.retryCount,
    backoffMsMin: secondsToMs(policy.backoffSecondsMin),
    backoffMsMax: secondsToMs(policy.backoffSecondsMax),
    sessionsMax,
    refetch,
  };
  return {
    type: "upgrade",
    runId,
    order: capable ? order : null,
    image: role === "subordinate" ? null : { version, sha256 },
  };
}
