/**
 * How rows of one format become rows of the next: a pure function of one row, null to drop it. The values are as their format
 * wrote them, so nothing here refers to today's types.
 */
import { familyNumbers, familyOfName } from "../upgrade/models.js";
import type { StoredRecord } from "./records.js";

export type RowMigration = (record: StoredRecord) => StoredRecord | null;

/**
 * Members get a kind of their own (`run/7/ap/MAC` → `member/7/MAC`) and every field: early formats lacked the counts of WAN bytes and
 * noted only whether an AP fell back, not how often. The row `format` goes: the file has one format number.
 */
export const toFormat3: RowMigration = ({ key, value }) => {
  if (key === "format") return null;
  const [, runId, mac] = /^run\/(\d+)\/ap\/(.+)$/.exec(key) ?? [];
  if (runId === undefined) return { key, value };
  const { fellBack, ...member } = value as { readonly fellBack?: boolean };
  return { key: `member/${runId}/${mac}`, value: { wanSentBytes: 0, wanWireBytes: 0, fallbacks: fellBack ? 1 : 0, ...member } };
};

/**
 * An image was for whole families of a table, whichever models were named; now it is for the models that its row names. It keeps those
 * and the families that their models usually share an image with.
 */
export const toFormat6: RowMigration = ({ key, value }) => {
  if (!key.startsWith("image/")) return { key, value };
  const image = value as { readonly models: readonly string[] };
  const families = image.models.map(familyOfName).filter((family) => familyNumbers(family) !== undefined);
  return { key, value: { ...image, models: [...new Set([...image.models, ...families])] } };
};

/** Groups distribute images as the source document says, until an operator chooses otherwise. */
export const toFormat8: RowMigration = ({ key, value }) =>
  key.startsWith("group/") ? { key, value: { ...(value as object), distribution: "classic" } } : { key, value };

/** No AP has a limit on what it gives its LAN. */
export const toFormat9: RowMigration = ({ key, value }) =>
  key.startsWith("group/") ? { key, value: { ...(value as object), serveBytesPerSecondMax: null } } : { key, value };

/** Primaries advertise their address, as they always did. */
export const toFormat10: RowMigration = ({ key, value }) =>
  key.startsWith("group/") ? { key, value: { ...(value as object), primaryAddress: "advertised" } } : { key, value };
