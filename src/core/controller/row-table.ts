/**
 * Every kind of row: how its key is made, its shape, and the format that brought that shape. A key is the kind, then "/" and the id.
 * A changed shape needs a new format with a migration (`runtime/controller/store/formats.ts`).
 */
import { type MacAddress, parseMac } from "../../base/mac-address.js";
import { isSha256Hex, type Sha256Hex } from "../../base/sha256.js";
import {
  anyText,
  count,
  fields,
  listOf,
  macAddress,
  nullable,
  number,
  oneOf,
  type Shape,
  sha256Hex,
  sha256HexOrNone,
  yesNo,
} from "../../base/shape.js";
import { failureReasons } from "../../wire/capwap/vendor.js";
import { activationApShape, activationShape } from "./activation/activation-shapes.js";
import { type GroupSetting, type GroupSettings, groupSettingRows, isSetting, type SettingTable } from "./operator/group-settings.js";
import type {
  ActivationApId,
  ApRecord,
  BundleRecord,
  FamilyRecord,
  GroupRecord,
  ImageRecord,
  MemberRecord,
  ResetRecord,
  RunRecord,
  SlotRecord,
  SlotsRecord,
  StoredRecord,
} from "./records.js";
import type { RunImage } from "./run/run.js";

interface IdCodec<Id> {
  text(id: Id): string;
  parse(text: string): Id | undefined;
}

interface Kind<Id, Row> {
  readonly id: IdCodec<Id>;
  readonly row: Shape<Row>;
  readonly since: number;
}

export interface MemberId {
  readonly runId: number;
  readonly mac: MacAddress;
}

const canonicalMac = (id: string): MacAddress | undefined => (parseMac(id) === id ? (id as MacAddress) : undefined);
const canonicalNumber = (id: string): number | undefined => (/^(?:0|[1-9]\d{0,14})$/.test(id) ? Number(id) : undefined);

/** The one row of its kind; its key is the kind. */
const single: IdCodec<""> = { text: (id) => id, parse: (id) => (id === "" ? id : undefined) };
const name: IdCodec<string> = { text: (id) => id, parse: (id) => id || undefined };
const byMac: IdCodec<MacAddress> = { text: (id) => id, parse: canonicalMac };
const bySha256: IdCodec<Sha256Hex> = { text: (id) => id, parse: (id) => (isSha256Hex(id) ? id : undefined) };
const byNumber: IdCodec<number> = { text: String, parse: canonicalNumber };
const byRunAndMac: IdCodec<MemberId> = {
  text: ({ runId, mac }) => `${runId}/${mac}`,
  parse(id) {
    const [run = "", mac = "", ...more] = id.split("/");
    const [runId, address] = [canonicalNumber(run), canonicalMac(mac)];
    return runId === undefined || address === undefined || more.length > 0 ? undefined : { runId, mac: address };
  },
};

/** A group's name holds no slash. */
const byGroupAndMac: IdCodec<ActivationApId> = {
  text: ({ group, mac }) => `${group}/${mac}`,
  parse(id) {
    const slash = id.lastIndexOf("/");
    const [group, mac] = [id.slice(0, Math.max(0, slash)), canonicalMac(id.slice(slash + 1))];
    return group === "" || mac === undefined ? undefined : { group, mac };
  },
};

const release = oneOf({ primary: 1, backup: 1 });

type SettingShapes<T> = { readonly [Name in keyof T]-?: Shape<T[Name]> };

function settingShapes(table: typeof groupSettingRows): SettingShapes<GroupSettings> {
  const shapeOf = (row: GroupSetting | SettingTable): Shape<unknown> => (isSetting(row) ? settingShape(row) : fields(shapesOf(row)));
  const shapesOf = (rows: SettingTable): Record<string, Shape<never>> =>
    Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, shapeOf(row) as Shape<never>]));
  return shapesOf(table) as unknown as SettingShapes<GroupSettings>;
}

function settingShape(setting: GroupSetting): Shape<unknown> {
  switch (setting.kind) {
    case "switch":
      return yesNo;
    case "choice":
      return oneOf(Object.fromEntries(setting.choices.map((choice) => [choice, 1])));
    case "number":
      return setting.unit === "seconds" ? number : count;
    case "bound":
      return nullable(count);
  }
}

const group = fields<GroupRecord>({
  name: anyText,
  ...settingShapes(groupSettingRows),
  aps: listOf(macAddress),
  manualPrimaries: listOf(macAddress),
  forcedSubordinates: listOf(macAddress),
});

const slot = fields<SlotRecord>({ version: anyText, sha256: sha256HexOrNone });

const ap = fields<ApRecord>({
  mac: macAddress,
  name: anyText,
  model: anyText,
  serial: anyText,
  runningVersion: anyText,
  joinedAt: number,
  slots: nullable(fields<SlotsRecord>({ primary: slot, backup: slot, running: oneOf({ primary: 1, backup: 1 }) })),
});

const image = fields<ImageRecord>({
  id: anyText,
  version: anyText,
  models: listOf(anyText),
  families: listOf(anyText),
  release,
  sizeBytes: count,
  sha256: sha256Hex,
  md5: anyText,
  fileName: anyText,
  addedAt: number,
});

const bundle = fields<BundleRecord>({ sha256: sha256Hex, text: anyText, securityVersion: count, signedAt: number });

const reset = fields<ResetRecord>({
  mac: macAddress,
  version: anyText,
  sentAt: number,
  state: oneOf({ waiting: 1, confirmed: 1, unconfirmed: 1 }),
});

const family = fields<FamilyRecord>({
  family: anyText,
  image: nullable(fields<RunImage>({ family: anyText, version: anyText, fileName: anyText, sizeBytes: count, sha256: sha256Hex })),
  primary: nullable(macAddress),
  manual: yesNo,
  warning: nullable(anyText),
  steppedDown: listOf(macAddress),
  sessionsPeak: count,
});

const run = fields<RunRecord>({
  id: count,
  group: nullable(anyText),
  release,
  startedAt: number,
  open: yesNo,
  state: oneOf({ running: 1, complete: 1, partial: 1, failed: 1, aborted: 1 }),
  finishedAt: nullable(number),
  families: listOf(family),
});

const member = fields<MemberRecord>({
  mac: macAddress,
  family: anyText,
  role: oneOf({ primary: 1, subordinate: 1, fallback: 1 }),
  phase: oneOf({ pending: 1, queued: 1, ordered: 1, active: 1, complete: 1, failed: 1, aborted: 1, unsupported: 1 }),
  source: nullable(oneOf({ wan: 1, lan: 1 })),
  server: nullable(macAddress),
  refetch: yesNo,
  fallbacks: count,
  tries: count,
  failedOrders: count,
  wanBytes: count,
  lanBytes: count,
  wanSentBytes: count,
  wanWireBytes: count,
  startedAt: nullable(number),
  endedAt: nullable(number),
  reason: oneOf(failureReasons),
  detail: anyText,
});

const kind = <Id, Row>(since: number, id: IdCodec<Id>, row: Shape<Row>): Kind<Id, Row> => ({ id, row, since });

export const rowKinds = {
  /** Where this controller's runs count from on the wire. */
  "run-number-start": kind(1, single, count),
  group: kind(10, name, group),
  ap: kind(1, byMac, ap),
  image: kind(1, name, image),
  bundle: kind(12, bySha256, bundle),
  reset: kind(1, byMac, reset),
  run: kind(1, byNumber, run),
  member: kind(3, byRunAndMac, member),
  activation: kind(11, name, activationShape),
  "activation-ap": kind(11, byGroupAndMac, activationApShape),
};

type Kinds = typeof rowKinds;
export type RowKind = keyof Kinds;
export type RowId<K extends RowKind> = Kinds[K] extends Kind<infer Id, unknown> ? Id : never;
export type RowOf<K extends RowKind> = Kinds[K] extends Kind<infer _, infer Row> ? Row : never;

export function rowKey<K extends RowKind>(kind: K, id: RowId<K>): string {
  const text = (rowKinds[kind].id as IdCodec<RowId<K>>).text(id);
  return text === "" ? kind : `${kind}/${text}`;
}

export const storedRow = <K extends RowKind>(kind: K, id: RowId<K>, row: RowOf<K>): StoredRecord => ({ key: rowKey(kind, id), value: row });
