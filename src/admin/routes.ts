/**
 * The operator part of the API: summary, role, fields and answer of each order. The server registers
 * its routes from this table, and the OpenAPI document is generated from it; `order-paths.ts` has the paths.
 */
import { z } from "zod";
import { limits } from "../core/upgrade/limits.js";
import { activationPreviewSchema, activationReportSchema, activationRequest, activationSchema } from "./activation-schema.js";
import { type OrderPath, orderPaths, type RoutedOrder } from "./order-paths.js";
import type { Role } from "./roles.js";
import {
  actResult,
  apImageView,
  apSummaryRow,
  apsAborted,
  bootView,
  configChanges,
  configDocument,
  credential,
  decimal,
  groupConfig,
  groupPreview,
  groupSchema,
  groupStarted,
  groupSummaryRow,
  imageSchema,
  linkRates,
  nameText,
  newCredential,
  peerAnswer,
  predownloadResult,
  releaseName,
  releasesConfig,
  runReportSchema,
  runStarted,
  runSummaryRow,
  systemView,
} from "./schema.js";
import { instant } from "./schema-parts.js";
import { settingsChange } from "./settings-schema.js";

export interface OrderRoute extends OrderPath {
  readonly role: Role;
  readonly summary: string;
  /** The order's fields besides its type. */
  readonly fields: z.ZodObject;
  /** Null: 204 without a body. */
  readonly answer: z.ZodType | null;
  /** A repeated request with the same Idempotency-Key gets the first one's result. */
  readonly idempotent?: true;
  /** Default: what the largest other order needs. */
  readonly bodyBytesMax?: number;
}

/** Every group of a large controller with all its APs. */
const groupsMax = 2000;
const configBytesMax = 16 * 2 ** 20;

const group = nameText.describe("Name of a FlexConnect group");
const ap = nameText.describe("Name or MAC address of an AP");
const apOrAll = nameText.describe("Name or MAC address of an AP, or `all`");
const force = z.boolean().optional().describe("Also while the peer controller is known to hold other images");
const anyway = z.boolean().optional().describe("Also to an older version, or to another image than the last upgrade's");
const mac = nameText.describe("MAC address in any usual spelling");

const read = (summary: string, fields: z.ZodRawShape, answer: z.ZodType): Omit<OrderRoute, keyof OrderPath> => ({
  role: "read-only",
  summary,
  fields: z.object(fields),
  answer,
});
const act = (summary: string, fields: z.ZodRawShape, answer: z.ZodType | null = null): Omit<OrderRoute, keyof OrderPath> => ({
  role: "operator",
  summary,
  fields: z.object(fields),
  answer,
});

const rows: Readonly<Record<RoutedOrder["type"], Omit<OrderRoute, keyof OrderPath>>> = {
  "group-add": act("Add a FlexConnect group", { group }),
  "group-delete": act("Delete a FlexConnect group", { group }),
  "group-ap-add": act("Add an AP to a group", { group, mac }),
  "group-ap-delete": act("Take an AP out of a group", { group, mac }),
  "group-set": act("Change settings of a group; those left out keep their value", { group, settings: settingsChange }),
  "group-predownload": act("Switch FlexConnect AP upgrade on or off", {
    group,
    enabled: z.boolean(),
  }),
  "group-primary-add": act("Make an AP the primary of its model", { group, ap }),
  "group-primary-remove": act("Return to the automatic choice of the primary", { group, ap }),
  "group-subordinate-add": act("Force an AP to be a subordinate", { group, ap }),
  "group-subordinate-remove": act("Let an AP be elected again", { group, ap }),
  "group-retry-count": act("Set the tries at the primary before the WAN", { group, retryCount: settingsChange.shape.retryCount.unwrap() }),
  "group-backoff": act("Set the range of the random back-off", {
    group,
    minSeconds: settingsChange.shape.backoffSecondsMin.unwrap(),
    maxSeconds: settingsChange.shape.backoffSecondsMax.unwrap(),
  }),
  "group-wave2-refetch": act("Whether a Wave 2 primary fetches an image that it already holds", {
    group,
    enabled: z.boolean(),
  }),
  "group-wan": act("Set how the group uses the WAN; fields left out keep their value", {
    group,
    wan: settingsChange.shape.wan.unwrap(),
  }),
  "group-preview": {
    role: "read-only",
    summary: "What a start would do now; nothing is sent and nothing changes",
    fields: z.object({ group, release: releaseName, link: linkRates.optional() }),
    answer: groupPreview,
  },
  "group-start": {
    ...act("Start the upgrade of a group", { group, release: releaseName, force }, groupStarted),
    idempotent: true,
  },
  "group-activate": {
    ...act(
      "Have the APs of a group boot the image of their last upgrade, in batches",
      { group, at: instant.optional().describe("When to start; at once without it"), ...activationRequest },
      activationSchema,
    ),
    idempotent: true,
  },
  "group-activation-preview": {
    role: "read-only",
    summary: "What an activation would do now; nothing is sent and nothing changes",
    fields: z.object({ group, ...activationRequest }),
    answer: activationPreviewSchema,
  },
  "group-activation-pause": act("Open no further batch until it is resumed", { group }, activationSchema),
  "group-activation-resume": act("Open the next batch, after a pause or the canary", { group }, activationSchema),
  "group-activation-abort": act("Finish the batch in progress and open no other", { group }, activationSchema),
  "show-activation": read("The latest activation of a group, with a row for each AP", { group }, activationReportSchema),
  "group-abort": act("Abort the upgrade of a group", { group }, runStarted),
  "ap-predownload": {
    ...act("Predownload an image to one AP or all", { ap: apOrAll, release: releaseName, force }, predownloadResult),
    idempotent: true,
  },
  "ap-predownload-abort": act("Abort the predownload of one AP or all", { ap: apOrAll }, apsAborted),
  "ap-swap": {
    ...act(
      "Boot the image of the last upgrade next; with `force` exchange the images whatever they are",
      { ap: apOrAll, force: anyway },
      actResult,
    ),
    idempotent: true,
  },
  "ap-reset": { ...act("Reset one AP or all", { ap: apOrAll }, actResult), idempotent: true },
  "ap-forget": act("Forget an AP that is gone for good", { ap }),
  "image-remove": act("Remove an image from a release", { imageId: nameText }, imageSchema),
  "credential-add": { ...act("Make a key for an AP; it is in this answer and nowhere else", { mac }, newCredential), role: "admin" },
  "credential-delete": { ...act("Revoke an AP's key; its link ends", { mac }), role: "admin" },
  "credential-list": read("APs that have a key, without the keys", {}, z.array(credential)),
  "show-ap-image": read("Images and predownload state of one AP or all", { ap: apOrAll }, apImageView),
  "show-ap-summary": read("All APs that ever joined", {}, z.array(apSummaryRow)),
  "show-group-summary": read("All FlexConnect groups", {}, z.array(groupSummaryRow)),
  "show-group": read("A FlexConnect group, its primaries and its run", { group }, groupSchema),
  "config-replace": {
    ...act(
      "Replace all groups and both releases by these, or change nothing; with `check` only tell the differences",
      {
        releases: releasesConfig.optional().describe("The bytes of each image must be here already; left out: the releases stay"),
        groups: z.array(groupConfig).max(groupsMax),
        check: z.boolean().default(false),
      },
      configChanges,
    ),
    role: "admin",
    bodyBytesMax: configBytesMax,
  },
  "show-config": read("Both releases and all groups as they were set", {}, configDocument),
  "show-boot": read("Versions of the two releases", {}, bootView),
  "show-images": read("All images of both releases", {}, z.array(imageSchema)),
  "show-peer": read("The peer controller, and how its images compare with this one's", {}, peerAnswer),
  "show-system": read("The controller itself: version, whether it can store, until when its certificate is valid", {}, systemView),
  "show-runs": read(
    "Reports of the runs of a group or of all, newest first, some at a time",
    {
      group: group.nullable().default(null),
      limit: decimal.pipe(z.int().min(limits.reportsAtOnce.min).max(limits.reportsAtOnce.max)).optional().describe("Default: 20"),
      before: decimal.optional().describe("Runs older than this one"),
    },
    z.array(runReportSchema),
  ),
  "show-run-summary": read("All runs in numbers, newest first, without the rows of their APs", {}, z.array(runSummaryRow)),
  "show-run": read("Report of one run", { run: decimal }, runReportSchema),
};

export const orderRoutes = Object.fromEntries(
  (Object.keys(rows) as RoutedOrder["type"][]).map((type) => [type, { ...orderPaths[type], ...rows[type] }]),
) as Readonly<Record<RoutedOrder["type"], OrderRoute>>;
