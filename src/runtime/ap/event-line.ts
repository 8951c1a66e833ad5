/** The AP's events as log lines. */
import { endpointText } from "../../base/endpoint.js";
import type { ApEvent } from "../../core/ap/contract.js";
import type { LogLine } from "../log.js";

const damageLines = {
  recovered: "boot.json was damaged: booting what its copy and the slots' digests agree on",
  rebuilt: "boot.json and its copy were damaged: booting what the slots' labels and digests agree on",
  lost: "boot.json, its copy and the slots' labels were damaged: both slots count as empty; predownload an image",
} as const;

const loud: ReadonlySet<ApEvent["name"]> = new Set(["boot-record-damaged", "slot-barred", "rolled-back", "dropped"]);

export function apEventLine(event: ApEvent): LogLine {
  const level = loud.has(event.name) ? "warn" : "info";
  return { level, event: event.name, ...wording(event) };
}

function wording(event: ApEvent): Pick<LogLine, "message" | "fields"> {
  switch (event.name) {
    case "booted":
      return { message: `booted ${event.version} from slot ${event.slot}`, fields: { corrupt: event.corrupt } };
    case "boot-record-damaged":
      return { message: damageLines[event.recordState] };
    case "slot-barred":
      return { message: `the image in slot ${event.slot} may not boot: ${event.detail}`, fields: { reason: event.reason } };
    case "joined":
      return { message: `joined ${endpointText(event.controller)}` };
    case "session-lost":
      return { message: `session lost: ${event.detail}`, fields: { reason: event.reason } };
    case "order": {
      const { runId, role, version, server } = event.order;
      return { message: `run ${runId}: fetch ${version} as ${role}`, fields: { runId, role, version, server } };
    }
    case "order-refused":
      return { message: `run ${event.runId} refused: ${event.detail}`, fields: { runId: event.runId, reason: event.reason } };
    case "run":
      return {
        message: `run ${event.runId}: ${event.progress.state}`,
        fields: { runId: event.runId, ...event.progress, nextRetryMs: event.nextRetryMs },
      };
    case "try-failed":
      return {
        message: `run ${event.runId}: try ${event.tries} failed: ${event.detail || event.outcome}`,
        fields: { outcome: event.outcome },
      };
    case "slot-written":
      return { message: `${event.image.version} verified and stored in slot ${event.slot}`, fields: { sha256: event.image.sha256 } };
    case "offering":
      return { message: `offering ${event.fileName} to ${event.sessionsMax} at a time` };
    case "withdrawn":
      return { message: `no longer offering ${event.fileName}` };
    case "swapped":
      return { message: `swapped: slot ${event.record.bootSlot} boots next` };
    case "relabelled":
      return { message: `an image is now called ${event.version}` };
    case "boot-change-refused":
      return { message: `${event.wish} refused: ${event.detail}`, fields: { reason: event.reason } };
    case "reset":
      return { message: `reset into ${event.version}` };
    case "confirmed":
      return { message: `${event.version} joined a controller and is kept` };
    case "rolled-back":
      return { message: `went back from ${event.version} to the former image: ${event.detail}` };
    case "dropped":
      return { message: `dropped a datagram: ${event.detail}`, fields: { reason: event.reason, from: endpointText(event.from) } };
  }
}
