/** The order that an AP gets, from what the operator set and the run's image. */
import type { Endpoint } from "../../../base/endpoint.js";
import { sha256Octets } from "../../../base/sha256.js";
import { secondsToMs } from "../../../base/time.js";
import type { ApCommand } from "../ap-port.js";
import type { GroupRecord } from "../records.js";
import type { Task } from "./member-state.js";
import type { RunImage } from "./run.js";
import type { RunId } from "./run-numbers.js";

const nowhere: Endpoint = { address: "", port: 0 };

export interface OrderFacts {
  readonly runId: RunId;
  readonly task: Task;
  readonly image: RunImage;
  /** What the AP takes its own model's family for: it refuses an order for another. */
  readonly family: string;
  readonly policy: Pick<GroupRecord, "retryCount" | "backoffSecondsMin" | "backoffSecondsMax" | "serveBytesPerSecondMax">;
  /** The primary's TFTP server; for subordinates. */
  readonly server: Endpoint | undefined;
  readonly sessionsMax: number;
  readonly stream: Extract<ApCommand, { readonly type: "upgrade" }>["stream"];
  /** The AP speaks our elements; otherwise it gets the Image Identifier alone. */
  readonly capable: boolean;
}

export function upgradeCommand({ runId, task, image, family, policy, server, sessionsMax, stream, capable }: OrderFacts): ApCommand {
  const { version, fileName, sizeBytes, sha256 } = image;
  const order = {
    role: task.role,
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
    refetch: task.role === "primary" && task.refetch,
  };
  return {
    type: "upgrade",
    runId,
    order: capable ? order : null,
    image: task.role === "subordinate" ? null : { version, sha256 },
    serveBytesPerSecondMax: policy.serveBytesPerSecondMax,
    stream,
  };
}
