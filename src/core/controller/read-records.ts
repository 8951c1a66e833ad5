import { oneLine } from "../../base/one-line.js";
import { shapeFaultText } from "../../base/shape.js";
import type { ActivationApRecord } from "./activation/activation.js";
import type { StoredActivation } from "./activation/activation-table.js";
import type { ApRecord, BundleRecord, GroupRecord, ImageRecord, ResetRecord, StoredRecord } from "./records.js";
import { type RowId, type RowKind, type RowOf, rowKinds } from "./row-table.js";
import type { Run } from "./run/run.js";
import { memberOfRecord, runOfRecord } from "./run/run-rows.js";

/** What a controller starts from: the rows of a store, sorted into kinds. */
export interface StoredState {
  readonly runNumberStart: number | undefined;
  readonly groups: readonly GroupRecord[];
  readonly aps: readonly ApRecord[];
  readonly images: readonly ImageRecord[];
  readonly bundles: readonly BundleRecord[];
  readonly resets: readonly ResetRecord[];
  /** Oldest first. */
  readonly runs: readonly Run[];
  readonly activations: readonly StoredActivation[];
}

/** The first row that cannot be understood, and why. */
export interface UnreadableRow {
  readonly key: string;
  readonly detail: string;
}

type Rows = { readonly [K in RowKind]: { readonly id: RowId<K>; readonly row: RowOf<K> }[] };

/** @param records in any order */
export function readRecords(records: readonly StoredRecord[]): StoredState | { readonly unreadable: UnreadableRow } {
  const rows: Rows = {
    "run-number-start": [],
    group: [],
    ap: [],
    image: [],
    bundle: [],
    reset: [],
    run: [],
    member: [],
    activation: [],
    "activation-ap": [],
  };
  for (const { key, value } of records) {
    const detail = sortIn(rows, key, value);
    if (detail !== undefined) return { unreadable: { key: oneLine(key, 128), detail } };
  }
  const runs = new Map<number, Run>(rows.run.map(({ id, row }) => [id, runOfRecord(row)]));
  for (const { id, row } of rows.member) {
    const run = runs.get(id.runId);
    const family = run?.families.get(row.family);
    if (!run || !family) {
      const detail = run === undefined ? `there is no run ${id.runId}` : `run ${id.runId} has no family ${row.family}`;
      return { unreadable: { key: `member/${id.runId}/${id.mac}`, detail } };
    }
    run.members.set(row.mac, memberOfRecord(family, row));
  }
  const activations = new Map(rows.activation.map(({ id, row }) => [id, { record: row, aps: [] as ActivationApRecord[] }]));
  for (const { id, row } of rows["activation-ap"]) {
    const activation = activations.get(id.group);
    if (!activation) return { unreadable: { key: `activation-ap/${id.group}/${id.mac}`, detail: `group ${id.group} has no activation` } };
    activation.aps.push(row);
  }
  return {
    runNumberStart: rows["run-number-start"][0]?.row,
    groups: rows.group.map(({ row }) => row),
    aps: rows.ap.map(({ row }) => row),
    images: rows.image.map(({ row }) => row),
    bundles: rows.bundle.map(({ row }) => row),
    resets: rows.reset.map(({ row }) => row),
    runs: [...runs.values()].sort((a, b) => a.id - b.id),
    activations: [...activations.values()],
  };
}

/** @returns why the row cannot be read; undefined where it was */
function sortIn(rows: Rows, key: string, value: unknown): string | undefined {
  const slash = key.indexOf("/");
  const [kind, idText] = slash < 0 ? [key, ""] : [key.slice(0, slash), key.slice(slash + 1)];
  if (!isRowKind(kind)) return "unknown kind of row";
  const { id, row } = rowKinds[kind];
  const parsed = id.parse(idText);
  if (parsed === undefined) return "not a valid key";
  const fault = row.fault(value);
  if (fault) return shapeFaultText(fault);
  (rows[kind] as { id: unknown; row: unknown }[]).push({ id: parsed, row: value });
  return undefined;
}

const isRowKind = (kind: string): kind is RowKind => Object.hasOwn(rowKinds, kind);
