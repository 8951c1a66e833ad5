/** From the wire's order to the agent's, with everything checked that an AP can check before a byte moves. */

import { oneLine } from "../../base/one-line.js";
import { sha256HexOf } from "../../base/sha256.js";
import { secondsToMs } from "../../base/time.js";
import type { ImageIdentifier } from "../../wire/capwap/elements.js";
import type { ElementsOf } from "../../wire/capwap/messages.js";
import { type FailureReason, flexupEnterprise, type UpgradeOrder } from "../../wire/capwap/vendor.js";
import type { StreamOrder } from "../../wire/capwap/vendor-distribution.js";
import { fitsImage } from "../upgrade/image-chunks.js";
import { limits } from "../upgrade/limits.js";
import type { RunOrder } from "./contract.js";

export interface OrderRefusal {
  readonly reason: FailureReason;
  readonly detail: string;
}

const within = ({ min, max }: { readonly min: number; readonly max: number }, value: number): boolean => value >= min && value <= max;
/** Octets of a version in our vendor elements. */
const versionOctetsMax = 64;
/** Whether a version fits our vendor elements: every Join reports the versions in the slots. */
export const fitsVendorElements = (version: string): boolean => version !== "" && oneLine(version, versionOctetsMax) === version;
const backoffMsMax = secondsToMs(limits.backoffSeconds.ceiling);

/** Each check with its refusal. The first that fails counts. */
const checks: readonly {
  readonly holds: (order: UpgradeOrder, family: string) => boolean;
  readonly refusal: (order: UpgradeOrder, family: string) => OrderRefusal;
}[] = [
  {
    holds: (order, family) => order.family === family,
    refusal: (order, family) => ({ reason: "wrong-family", detail: `the image is for ${order.family}, this AP is ${family}` }),
  },
  {
    holds: ({ runId, sizeBytes }) => runId > 0 && sizeBytes > 0,
    refusal: () => malformed("needs a run and a size"),
  },
  {
    holds: ({ version }) => fitsVendorElements(version),
    refusal: () => unfitVersion,
  },
  {
    holds: ({ fileName }) => /^[\w.-]+$/.test(fileName),
    refusal: () => malformed("file name may hold letters, digits, dot, underscore and hyphen"),
  },
  {
    holds: ({ sessionsMax }) => within(limits.sessions, sessionsMax),
    refusal: ({ sessionsMax }) => malformed(`${sessionsMax} sessions, must be ${limits.sessions.min}–${limits.sessions.max}`),
  },
  {
    holds: ({ role, server }) => role !== "subordinate" || (server.address !== "" && server.port > 0),
    refusal: () => malformed("a subordinate needs its primary's address"),
  },
  {
    holds: ({ role, retryCountMax }) => role !== "subordinate" || within(limits.retryCount, retryCountMax),
    refusal: ({ retryCountMax }) => malformed(`retry count ${retryCountMax}, must be ${limits.retryCount.min}–${limits.retryCount.max}`),
  },
  {
    holds: ({ role, backoffMsMin: low, backoffMsMax: high }) => role !== "subordinate" || (low < high && high <= backoffMsMax),
    refusal: ({ backoffMsMin: low, backoffMsMax: high }) =>
      malformed(`back-off ${low}–${high} ms, must rise and stay below ${backoffMsMax} ms`),
  },
];

const malformed = (what: string): OrderRefusal => ({ reason: "transfer-error", detail: `order not understood: ${what}` });
const unfitVersion = malformed(`the version must be one line of at most ${versionOctetsMax} octets`);

/** The reason to refuse the order, or undefined. @param family of this AP's model */
export function refuseOrder(order: UpgradeOrder, family: string): OrderRefusal | undefined {
  return checks.find(({ holds }) => !holds(order, family))?.refusal(order, family);
}

/** The reason to refuse an Image Identifier alone, or undefined. */
export const refuseIdentifier = ({ name }: ImageIdentifier): OrderRefusal | undefined =>
  fitsVendorElements(name) ? undefined : unfitVersion;

/** What comes beside an order in its message. `imageIdentifier` is what a WAN fetch asks for. */
export type OrderCompanions = Pick<ElementsOf<"configurationUpdateRequest">, "imageIdentifier" | "servingLimits" | "streamOrder">;

export function runOrder(order: UpgradeOrder, { imageIdentifier, servingLimits, streamOrder }: OrderCompanions): RunOrder {
  const { runId, role, version, fileName, sizeBytes, sha256, server, retryCountMax, backoffMsMin, backoffMsMax, sessionsMax, refetch } =
    order;
  return {
    runId,
    role,
    version,
    vendor: imageIdentifier?.vendor ?? flexupEnterprise,
    fileName,
    sizeBytes,
    sha256: sha256HexOf(sha256),
    server: role === "subordinate" ? server : null,
    retryCountMax,
    backoffMsMin,
    backoffMsMax,
    sessionsMax,
    refetch,
    ...(servingLimits && servingLimits.bytesPerSecondMax > 0 && { serveBytesPerSecondMax: servingLimits.bytesPerSecondMax }),
    ...(streamOrder && streamTerms(streamOrder, sizeBytes)),
  };
}

/** Nothing for terms that do not fit the image: it is fetched as a whole then. */
function streamTerms({ spare, chunkBytes, sha256s }: StreamOrder, sizeBytes: number): Pick<RunOrder, "stream"> {
  const chunks = { chunkBytes, sha256s: sha256s.map(sha256HexOf) };
  return fitsImage(chunks, sizeBytes) ? { stream: { ...chunks, spare: spare.address === "" ? null : spare } } : {};
}

/** RFC 5415 §9.1 alone: the controller gives only an Image Identifier. */
export const plainOrder = ({ vendor, name }: ImageIdentifier): RunOrder => ({
  runId: 0,
  role: "fallback",
  version: name,
  vendor,
  fileName: "",
  sizeBytes: 0,
  sha256: null,
  server: null,
  retryCountMax: 0,
  backoffMsMin: 0,
  backoffMsMax: 0,
  sessionsMax: 0,
  refetch: false,
});
