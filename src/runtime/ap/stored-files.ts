/**
 * The JSON files of an AP's data folder: each one's name, its shape, and the format that brought that shape. A changed shape needs a
 * new format with a migration from the one before.
 */
import type { Endpoint } from "../../base/endpoint.js";
import type { Sha256Hex } from "../../base/sha256.js";
import { anyText, count, fields, listOf, nullable, oneOf, optional, type Shape, scalar, sha256Hex, yesNo } from "../../base/shape.js";
import type {
  BootRecord,
  FinalReport,
  RolledBack,
  RunJournal,
  RunOrder,
  RunProgress,
  SlotId,
  SlotImage,
  SlotTrial,
  StreamTerms,
} from "../../core/ap/contract.js";
import type { TrustMemory } from "../../core/trust/trust-rules.js";
import { failureReasons } from "../../wire/capwap/vendor.js";

/** How much of which image a part holds. */
export interface PartFacts {
  readonly version: string;
  readonly sizeBytes: number;
  readonly sha256: Sha256Hex;
  /** From the start, and lasting. */
  readonly safeBytes: number;
}

/** What a slot holds. Of two slots the one of the higher rank boots next. */
export interface SlotLabel {
  readonly rank: number;
  readonly image: SlotImage;
}

/** What an AP that trusts a root has accepted. */
export interface StoredTrust extends TrustMemory {
  /** As canonical JSON, oldest first; the first one was provisioned. */
  readonly roots: readonly string[];
  /** Images that were in the slots when the first root came. They have no bundle, and boot while the floor is 0. */
  readonly provisioned: readonly Sha256Hex[];
}

export interface StoredFile<Value> {
  readonly shape: Shape<Value>;
  readonly since: number;
}

/** Data folders are written in this format. A file without a number is of format 1, as every file before numbers came in. */
export const apFormat = 2;

const md5 = scalar<string>("32 lower-case hex digits", (value) => typeof value === "string" && /^[0-9a-f]{32}$/.test(value));
const slotImage = fields<SlotImage>({ version: anyText, sizeBytes: count, sha256: sha256Hex, md5, runId: count });

/** A boot record as it is stored, where the slot that boots next is called `primary`. */
export type StoredBootRecord = Omit<BootRecord, "bootSlot"> & { readonly primary: SlotId };

export const storedBootRecord = ({ bootSlot, ...rest }: BootRecord): StoredBootRecord => ({ primary: bootSlot, ...rest });
export const bootRecordOf = ({ primary, ...rest }: StoredBootRecord): BootRecord => ({ bootSlot: primary, ...rest });

const bootRecord = fields<StoredBootRecord>({
  primary: oneOf({ a: 1, b: 1 }),
  slots: fields<BootRecord["slots"]>({ a: nullable(slotImage), b: nullable(slotImage) }),
  swapOrderId: count,
  controllerResets: count,
  trial: optional(fields<SlotTrial>({ slot: oneOf({ a: 1, b: 1 }), boots: count })),
  rolledBack: optional(fields<RolledBack>({ version: anyText, detail: anyText })),
});

const order = fields<RunOrder>({
  runId: count,
  role: oneOf({ primary: 1, subordinate: 1, fallback: 1 }),
  version: anyText,
  vendor: count,
  fileName: anyText,
  sizeBytes: count,
  sha256: nullable(sha256Hex),
  server: nullable(fields<Endpoint>({ address: anyText, port: count })),
  retryCountMax: count,
  backoffMsMin: count,
  backoffMsMax: count,
  sessionsMax: count,
  refetch: yesNo,
  serveBytesPerSecondMax: optional(count),
  stream: optional(
    fields<StreamTerms>({
      chunkBytes: count,
      sha256s: listOf(sha256Hex),
      spare: nullable(fields<Endpoint>({ address: anyText, port: count })),
    }),
  ),
});

const progress = {
  state: oneOf({ initiated: 1, fetching: 1, waiting: 1, "needs-wan": 1, complete: 1, failed: 1, aborted: 1 }),
  path: oneOf({ none: 1, wan: 1, lan: 1 }),
  tries: count,
  wanBytes: count,
  lanBytes: count,
  reason: oneOf(failureReasons),
  detail: anyText,
} as const;

const journal = fields<RunJournal>({
  run: nullable(fields<NonNullable<RunJournal["run"]>>({ order, progress: fields<RunProgress>(progress) })),
  owed: listOf(fields<FinalReport>({ ...progress, runId: count, bytesDone: count })),
});

const trust = fields<StoredTrust>({
  rootVersion: count,
  targetsVersion: count,
  timestampVersion: count,
  newestSignedAtMs: count,
  securityFloor: count,
  roots: listOf(anyText),
  provisioned: listOf(sha256Hex),
});

const stored = <Value>(since: number, shape: Shape<Value>): StoredFile<Value> => ({ since, shape });

export const storedFiles = {
  bootRecord: stored(1, bootRecord),
  journal: stored(1, journal),
  partFacts: stored(1, fields<PartFacts>({ version: anyText, sizeBytes: count, sha256: sha256Hex, safeBytes: count })),
  trust: stored(1, trust),
  slotLabel: stored(1, fields<SlotLabel>({ rank: count, image: slotImage })),
} as const;
