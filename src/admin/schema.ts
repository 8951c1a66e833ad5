/**
 * The shapes of the admin API as zod schemas: requests are checked against them, answers are built by them and the
 * OpenAPI document is generated from them. The views are typed in `core/controller/operator/views.ts`; `satisfies` keeps both alike.
 */
import { z } from "zod";
import type { GroupConfig } from "../core/controller/operator/group-config.js";
import { distributions } from "../core/controller/operator/group-settings.js";
import type { ActResult, PredownloadResult } from "../core/controller/operator/order-results.js";
import type { LinkRates } from "../core/controller/operator/orders.js";
import type { ReleaseImage, ReleasesConfig } from "../core/controller/operator/release-config.js";
import type {
  ApImageRow,
  ApImageView,
  ApSummaryRow,
  BootView,
  CredentialView,
  DistributionForecast,
  GroupPreview,
  GroupSummaryRow,
  GroupView,
  ImageAdded,
  ImageView,
  ModelView,
  PeerView,
  RunReport,
  RunReportRow,
  RunSummaryRow,
  RunView,
  SystemView,
  TransferView,
} from "../core/controller/operator/views.js";
import { firstSteps } from "../core/controller/run/first-step.js";
import { bundleBytesMax } from "../core/trust/release.js";
import { type FailureReason, failureReasons } from "../wire/capwap/vendor.js";
import { activationSchema } from "./activation-schema.js";
import { failureBody, instant, macText, wholeNumber } from "./schema-parts.js";
import { documentSettings, groupSettings } from "./settings-schema.js";

const bytes = z.int().min(0);
const digest = z.string().describe("Lower-case hex");

export const releaseName = z.enum(["primary", "backup"]).describe("Which of the controller's two releases");
const status = z.enum(["None", "Initiated", "Predownloading", "Complete", "Failed", "NotSupported"]);
const role = z.enum(["primaryCentral", "primaryLocal", "subordinateCentral", "subordinateLocal"]).nullable();
const source = z.enum(["wan", "lan"]).nullable();
const failureReason = z.enum(Object.keys(failureReasons) as [FailureReason, ...FailureReason[]]).nullable();
const runState = z.enum(["running", "complete", "partial", "failed", "aborted"]);
const presence = z.enum(["Joined", "Not Joined"]);

export { failureBody };

export const apImageRow = z.object({
  name: z.string(),
  mac: macText,
  model: z.string(),
  group: z.string().nullable(),
  joined: z.boolean(),
  lastSeenAt: instant,
  role,
  primaryImage: z.string(),
  backupImage: z.string(),
  status,
  version: z.string().nullable(),
  nextRetrySeconds: z.int().min(0).nullable(),
  retryCount: z.int().min(0).nullable(),
  source,
  wanBytes: bytes,
  lanBytes: bytes,
  wanWireBytes: bytes,
  failureReason,
  bytesDone: bytes,
  bytesTotal: bytes,
  bytesPerSecond: bytes.nullable(),
  secondsLeft: z.int().min(0).nullable(),
}) satisfies z.ZodType<ApImageRow>;

export const apImageView = z.object({
  total: wholeNumber,
  counts: z.object({
    initiated: wholeNumber,
    downloading: wholeNumber,
    predownloading: wholeNumber,
    completedPredownloading: wholeNumber,
    notSupported: wholeNumber,
    failedToPredownload: wholeNumber,
  }),
  aps: z.array(apImageRow),
}) satisfies z.ZodType<ApImageView>;

export const apSummaryRow = z.object({
  name: z.string(),
  mac: macText,
  model: z.string(),
  family: z.string(),
  address: z.string().nullable(),
  group: z.string().nullable(),
  state: presence,
  runningVersion: z.string(),
  joinedAt: instant.nullable(),
  lastSeenAt: instant,
  serial: z.string(),
  link: z.enum(["dtls-psk", "dtls-cert", "clear"]).nullable().describe("How its control messages travel; null while it is not joined"),
  signature: z
    .enum(["required", "unsigned"])
    .nullable()
    .describe("Whether it takes signed images alone, or any; null while it is not joined"),
  reset: z.object({ version: z.string(), state: z.enum(["waiting", "confirmed", "unconfirmed"]) }).nullable(),
}) satisfies z.ZodType<ApSummaryRow>;

export const groupSummaryRow = z.object({
  name: z.string(),
  apCount: wholeNumber,
  predownload: z.boolean(),
  runState: runState.nullable(),
}) satisfies z.ZodType<GroupSummaryRow>;

const statusCounts = z.object({
  None: wholeNumber,
  Initiated: wholeNumber,
  Predownloading: wholeNumber,
  Complete: wholeNumber,
  Failed: wholeNumber,
  NotSupported: wholeNumber,
});

const runView = z.object({
  id: z.int(),
  state: runState,
  release: releaseName,
  startedAt: instant,
  finishedAt: instant.nullable(),
  waits: z.array(z.string()),
  stepsDown: z.array(z.string()).describe("Primaries that gave way, each with the reason"),
  counts: statusCounts,
  wanBytes: bytes.describe("Image bytes that crossed the WAN, resent ones included"),
  lanBytes: bytes,
  wanWireBytes: bytes.describe(
    "UDP payload of all Image Data messages, both ways, as the controller's socket carried them: with what DTLS adds",
  ),
  wanBytesSaved: bytes.describe("Against one copy over the WAN for each AP"),
}) satisfies z.ZodType<RunView>;

const transferView = z.object({
  mac: macText,
  name: z.string(),
  path: z.enum(["wan", "lan"]),
  bytesDone: bytes,
  bytesTotal: bytes,
  bytesPerSecond: bytes.nullable(),
  secondsLeft: z.int().min(0).nullable(),
}) satisfies z.ZodType<TransferView>;

const modelTotals = z.object({
  family: z.string(),
  models: z.array(z.string()),
  primary: z.object({ mac: macText, name: z.string(), model: z.string() }).nullable(),
  manual: z.boolean(),
  warning: z.string().nullable(),
  wanCopies: wholeNumber,
  wanBytes: bytes,
  lanBytes: bytes,
  wanWireBytes: bytes,
});

const modelView = modelTotals.extend({
  sessions: wholeNumber,
  sessionsPeak: wholeNumber,
  sessionsMax: wholeNumber,
  serving: z.array(z.object({ mac: macText.nullable(), name: z.string().nullable(), address: z.string(), bytesDone: bytes })),
}) satisfies z.ZodType<ModelView>;

export const groupSchema = z.object({
  name: z.string(),
  ...groupSettings.shape,
  aps: z.array(
    z.object({
      mac: macText,
      name: z.string().nullable(),
      model: z.string().nullable(),
      status: presence,
      forcedSubordinate: z.boolean(),
    }),
  ),
  models: z.array(modelView),
  run: runView.nullable(),
  transfers: z.array(transferView),
  activation: activationSchema.nullable().describe("The latest one"),
  readyToActivate: wholeNumber.describe("APs that an activation would boot into the image of their last upgrade"),
}) satisfies z.ZodType<GroupView>;

export const linkRates = z.object({
  wanBytesPerSecond: z.number().positive(),
  lanBytesPerSecond: z.number().positive(),
}) satisfies z.ZodType<LinkRates>;

const modelPreview = modelTotals.pick({ family: true, models: true, primary: true, manual: true, warning: true, wanBytes: true }).extend({
  image: z.object({ version: z.string(), sizeBytes: bytes }).nullable(),
  warnings: z.array(z.string()),
  subordinates: wholeNumber,
  alreadyHolding: wholeNumber,
  expectedFallbacks: z.number().min(0),
  expectedSeconds: z.number().min(0),
});

const distributionForecast = z.object({
  distribution: z.enum(distributions),
  expectedSeconds: z.number().min(0).nullable(),
  wanBytes: z.number().min(0),
  expectedFallbacks: z.number().min(0),
  limitedBy: z.enum(["wan", "slots", "back-off"]).nullable().describe("What takes most of the time"),
}) satisfies z.ZodType<DistributionForecast>;

export const groupPreview = z.object({
  group: z.string(),
  release: releaseName,
  objection: failureBody.nullable().describe("Why a start without `force` would be refused now"),
  models: z.array(modelPreview),
  wanBytes: z.number().min(0),
  wanBytesWithoutFeature: bytes,
  expectedSeconds: z.number().min(0).nullable(),
  distributions: z.array(distributionForecast).describe("The same run under each distribution that the group could choose"),
  link: linkRates,
  wanRate: z.object({ bytesPerSecond: z.number().positive(), boundBy: z.enum(["link", "group", "controller"]) }),
  firstSteps: z.array(z.object({ mac: macText, name: z.string(), step: z.enum(firstSteps) })),
  skipped: z.array(z.object({ mac: macText, name: z.string().nullable(), reason: z.string() })),
}) satisfies z.ZodType<GroupPreview>;

export const bootView = z.object({ primary: z.string().nullable(), backup: z.string().nullable() }) satisfies z.ZodType<BootView>;

export const imageSchema = z.object({
  id: z.string(),
  version: z.string(),
  release: releaseName,
  models: z.array(z.string()),
  families: z.array(z.string()),
  sizeBytes: bytes,
  sha256: digest,
  md5: digest,
  fileName: z.string(),
  addedAt: instant,
  signature: z
    .object({ securityVersion: z.int().min(0), signedAt: instant.describe("By the vendor's date") })
    .nullable()
    .describe("Null: it came without a bundle"),
}) satisfies z.ZodType<ImageView>;

export const imageAdded = imageSchema.extend({
  replaced: z
    .array(z.object({ id: z.string(), version: z.string(), models: z.array(z.string()), removed: z.boolean() }))
    .describe("Images that gave way to it, and for which models"),
  suggested: z
    .array(z.object({ model: z.string(), apCount: wholeNumber }))
    .describe("Models of known APs that usually run the same image and have none in this release"),
}) satisfies z.ZodType<ImageAdded>;

const heldImage = z.object({ version: z.string(), sha256: digest }).nullable().describe("Null: none");
const peerView = z.object({
  name: z.string().describe("Its admin URL"),
  onMismatch: z.enum(["refuse", "warn"]),
  verdict: z.enum(["same", "differs", "unknown"]).describe("From what was heard of it last"),
  heardAt: instant.nullable(),
  unreachableSince: instant.nullable(),
  trouble: z.string().nullable(),
  differences: z.array(z.object({ release: releaseName, family: z.string(), model: z.string(), here: heldImage, there: heldImage })),
}) satisfies z.ZodType<PeerView>;
export const peerAnswer = z.object({ peer: peerView.nullable().describe("Null without a peer") });

export const credential = z.object({
  mac: macText,
  state: z.enum(["active", "revoked"]),
  since: instant,
}) satisfies z.ZodType<CredentialView>;
export const newCredential = z.object({ identity: macText, key: z.string().describe("64 hex digits") });

export const systemView = z.object({
  version: z.string(),
  startedAt: instant,
  storage: z
    .discriminatedUnion("state", [
      z.object({ state: z.literal("writable") }),
      z.object({ state: z.literal("read-only"), reason: z.string(), unsavedRows: z.int() }),
    ])
    .describe("read-only: APs are served and changes refused until there is space in the data folder"),
  link: z.enum(["dtls", "clear"]).describe("How control messages of APs travel"),
  signatures: z.enum(["required", "unverified"]).describe("unverified: without a trusted root any image is taken"),
  certificate: z
    .object({ own: z.boolean().describe("Made and renewed by the controller"), validFrom: instant, validTo: instant })
    .nullable()
    .describe("Of this API; null without HTTPS"),
}) satisfies z.ZodType<SystemView>;

const runReportRow = z.object({
  name: z.string(),
  mac: macText,
  model: z.string(),
  role,
  status,
  source,
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  wanBytes: bytes,
  lanBytes: bytes,
  wanWireBytes: bytes,
  tries: wholeNumber,
  failureReason,
  detail: z.string(),
}) satisfies z.ZodType<RunReportRow>;

export const runSummaryRow = runView.extend({
  group: z.string().nullable(),
  models: z.array(modelTotals),
  apCount: wholeNumber,
}) satisfies z.ZodType<RunSummaryRow>;

export const runReportSchema = runSummaryRow.extend({ aps: z.array(runReportRow) }) satisfies z.ZodType<RunReport>;

export const actResult = z.object({
  done: z.array(z.string()),
  boots: z.array(z.object({ ap: z.string(), version: z.string() })).describe("What each of them boots next"),
  refused: z.array(z.object({ ap: z.string(), code: z.string(), message: z.string() })),
  pending: z.array(z.string()),
}) satisfies z.ZodType<ActResult>;

export const predownloadResult = z.object({ runIds: z.array(z.int()), apCount: wholeNumber }) satisfies z.ZodType<PredownloadResult>;
export const runStarted = z.object({ runId: z.int() });
const leftOut = z.array(z.object({ mac: macText, name: z.string().nullable(), reason: z.string() }));
export const groupStarted = runStarted.extend({ leftOut: leftOut.describe("APs of the group that take no part, and why") });
export const apsAborted = z.object({ apCount: wholeNumber });

export const groupConfig = z.strictObject({
  name: z.string(),
  ...documentSettings.shape,
  aps: z.array(macText),
  manualPrimaries: z.array(macText),
  forcedSubordinates: z.array(macText),
}) satisfies z.ZodType<GroupConfig>;
const releaseImage = z.strictObject({
  version: z.string(),
  models: z.array(z.string()),
  fileName: z.string(),
  sizeBytes: bytes,
  sha256: digest,
}) satisfies z.ZodType<ReleaseImage>;
const imagesMax = 1000;
const releaseImages = z.array(releaseImage).max(imagesMax).describe("Oldest first: the last image gives the release its version");
export const releasesConfig = z.strictObject({ primary: releaseImages, backup: releaseImages }) satisfies z.ZodType<ReleasesConfig>;
export const configDocument = z.strictObject({ releases: releasesConfig, groups: z.array(groupConfig) });
/** A document without releases leaves them as they are. */
export const importedConfig = configDocument.partial({ releases: true });
export type ImportedConfig = z.output<typeof importedConfig>;
export const configChanges = z.object({ changes: z.array(z.string()).describe("One line a difference") });

/**
 * Group and AP names as they come in a path: not empty, not endless, and not what a URL takes for "here" and "above".
 * The controller checks the rest.
 */
export const nameText = z
  .string()
  .min(1)
  .max(512)
  .regex(/^(?!\.{1,2}$)/, "may not be . or ..");
const digits = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,14})$/, "expected a whole number in decimal digits")
  .transform(Number);
/** A number in a path or a query: decimal digits and nothing else, so not `0x1`, `1e3` or ` 1`. */
export const decimal = z.union([z.int().min(0), digits], { error: "expected a whole number in decimal digits" });
/** The description of an uploaded file, in the query. */
export const imageUpload = z.object({
  version: z.string().min(1).max(64),
  models: z
    .string()
    .min(1)
    .max(4096)
    .describe("Models with or without regulatory suffix, their beginnings, series or families, separated by commas"),
  release: releaseName,
  fileName: z.string().max(255).default("").describe("Name of the file where it came from"),
  bundleBytes: decimal
    .default(0)
    .transform(Number)
    .refine((bytes) => bytes <= bundleBytesMax, { error: `expected at most ${bundleBytesMax}` })
    .describe("The body begins with so many bytes of the image's bundle, which flexup release sign wrote; 0: no bundle"),
});
