/**
 * What operators set for a FlexConnect group: one row a setting. Type, default, limits, refusals, API schema, command, detail line and
 * differences derive from the row, so a new setting is a row here and the code that uses it.
 */
import { type Failure, type Result, success } from "../../../base/failure.js";
import { limits } from "../../upgrade/limits.js";
import { refuse } from "./refusals.js";

interface Row {
  /** Line of `show flexconnect group detail`; neighbours with the same label share one. */
  readonly label: string;
  /** The words after `config flexconnect group NAME predownload`, without the value; rows with the same words take their values in one. */
  readonly command: string;
}

export interface SwitchSetting extends Row {
  readonly kind: "switch";
  readonly initial: boolean;
  /** What its two commands do. */
  readonly helpOn: string;
  readonly helpOff: string;
}

export interface ChoiceSetting<Choice extends string = string> extends Row {
  readonly kind: "choice";
  readonly initial: Choice;
  readonly choices: readonly Choice[];
  readonly parameter: string;
  readonly help: string;
}

export type SettingUnit = "number" | "seconds" | "bytes/s" | "APs" | "bytes";

interface Quantity extends Row {
  /** As a refusal begins. */
  readonly subject: string;
  readonly unit: SettingUnit;
  readonly min: number;
  /** Undefined for no upper limit. */
  readonly max?: number;
  readonly parameter: string;
  readonly help: string;
}

export interface NumberSetting extends Quantity {
  readonly kind: "number";
  readonly initial: number;
  readonly max: number;
  /** In place of `min` on a controller with `--lab`. */
  readonly labMin?: number;
}

/** A limit that may be off, which is null. */
export interface BoundSetting extends Quantity {
  readonly kind: "bound";
  readonly initial: null;
}

const onOff = (row: Omit<SwitchSetting, "kind">): SwitchSetting => ({ kind: "switch", ...row });
const choice = <Choice extends string>(row: Omit<ChoiceSetting<Choice>, "kind">): ChoiceSetting<Choice> => ({ kind: "choice", ...row });
const number = (row: Omit<NumberSetting, "kind">): NumberSetting => ({ kind: "number", ...row });
const bound = (row: Omit<BoundSetting, "kind" | "initial">): BoundSetting => ({ kind: "bound", initial: null, ...row });

export type GroupSetting = SwitchSetting | ChoiceSetting | NumberSetting | BoundSetting;

const { retryCount, backoffSeconds, groupWanTransfers, serveBytesPerSecond, wanBytesPerSecond } = limits;

/** What an AP gets that has no tries left at its primary. */
export type FallbackPolicy =
  /** The image over the WAN, as the source document says. */
  | "fallback"
  /** Another round of tries at the primary. */
  | "wait"
  /** Nothing: it ends failed. */
  | "fail";

/**
 * How the image gets from the primary to the subordinates.
 *
 * - `classic`: all are released at once; one that finds no free slot backs off and asks again, as the source document says.
 * - `assigned`: the controller releases a subordinate when the primary has a slot for it.
 * - `stream`: in chunks, while the primary still fetches; every AP serves what it has verified, in a tree that the controller grows.
 */
export const distributions = ["classic", "assigned", "stream"] as const;
export type Distribution = (typeof distributions)[number];

/** Where subordinates reach their primary's TFTP server. */
export type PrimaryAddress =
  /** Where it says, as an AP behind a NAT of its own has to; its session must be proven. */
  | "advertised"
  /** Where its CAPWAP session comes from, whatever it says. */
  | "session";

const backoff = {
  subject: "The back-off in seconds",
  unit: "seconds",
  min: backoffSeconds.floor,
  labMin: backoffSeconds.labFloor,
  max: backoffSeconds.ceiling,
  label: "Slave Back-off (seconds)",
  command: "slave|subordinate backoff",
  help: "range of the random back-off",
} as const;

export const groupSettingRows = {
  predownload: onOff({
    initial: false,
    label: "Efficient AP Image Upgrade",
    command: "",
    helpOn: "switch FlexConnect AP upgrade on",
    helpOff: "switch FlexConnect AP upgrade off",
  }),
  distribution: choice<Distribution>({
    initial: "classic",
    choices: distributions,
    label: "Image Distribution",
    command: "distribution",
    parameter: "distribution",
    help: "how the image gets from the primary to the subordinates",
  }),
  /** Image bytes that one AP gives its LAN, over all of its sessions. */
  serveBytesPerSecondMax: bound({
    subject: "The serve rate in bytes per second",
    unit: "bytes/s",
    min: serveBytesPerSecond.min,
    label: "LAN Serve Rate Limit",
    command: "serve-rate",
    parameter: "serve-rate",
    help: "bytes per second that one AP gives its LAN",
  }),
  primaryAddress: choice<PrimaryAddress>({
    initial: "advertised",
    choices: ["advertised", "session"],
    label: "Master TFTP Address",
    command: "tftp-address",
    parameter: "address",
    help: "where subordinates reach their primary: at the address that it advertises, if any, or always at its own",
  }),
  /** Tries at the primary before the WAN. */
  retryCount: number({
    initial: retryCount.default,
    subject: "The retry count",
    unit: "number",
    min: retryCount.min,
    max: retryCount.max,
    label: "Slave Maximum Retry Count",
    command: "slave|subordinate retry-count",
    parameter: "retry-count",
    help: "tries at the primary before the WAN",
  }),
  backoffSecondsMin: number({
    ...backoff,
    initial: backoffSeconds.defaultMin,
    parameter: "min-seconds",
  }),
  backoffSecondsMax: number({
    ...backoff,
    initial: backoffSeconds.defaultMax,
    parameter: "max-seconds",
  }),
  /** Whether a Wave 2 primary fetches an image that it already holds. */
  wave2Refetch: onOff({
    initial: true,
    label: "Wave 2 Master Refetch",
    command: "wave2-refetch",
    helpOn: "a Wave 2 primary fetches an image that it already holds",
    helpOff: "a Wave 2 primary serves an image that it already holds",
  }),
  wan: {
    fallback: choice<FallbackPolicy>({
      initial: "fallback",
      choices: ["fallback", "wait", "fail"],
      label: "Retries Exhausted",
      command: "wan fallback",
      parameter: "fallback",
      help: "what an AP gets whose tries are exhausted",
    }),
    /** At one moment. */
    transfersMax: number({
      initial: groupWanTransfers.default,
      subject: "The number of WAN transfers",
      unit: "number",
      min: groupWanTransfers.min,
      max: groupWanTransfers.max,
      label: "WAN Transfers at Once",
      command: "wan transfers",
      parameter: "transfers",
      help: "WAN transfers of the group at one moment",
    }),
    /** Of all WAN transfers of the group together. */
    bytesPerSecondMax: bound({
      subject: "The WAN rate in bytes per second",
      unit: "bytes/s",
      min: wanBytesPerSecond.min,
      label: "WAN Rate Limit",
      command: "wan rate",
      parameter: "bytes-per-second",
      help: "bytes per second of all WAN transfers of the group",
    }),
    /** Most fallbacks in one run, in APs and in bytes; further APs wait for their primary. */
    fallbackApsMax: bound({
      subject: "The fallback budget in APs",
      unit: "APs",
      min: 0,
      label: "WAN Fallback Limit",
      command: "wan fallback-aps",
      parameter: "ap-count",
      help: "most APs that fall back in one run",
    }),
    fallbackBytesMax: bound({
      subject: "The fallback budget in bytes",
      unit: "bytes",
      min: 0,
      label: "WAN Fallback Limit",
      command: "wan fallback-bytes",
      parameter: "bytes",
      help: "most bytes that fallbacks take in one run",
    }),
  },
};

export type SettingTable = { readonly [name: string]: GroupSetting | SettingTable };
type ValueOf<S> = S extends SwitchSetting
  ? boolean
  : S extends ChoiceSetting<infer Choice>
    ? Choice
    : S extends NumberSetting
      ? number
      : number | null;
type ValuesOf<T> = { readonly [Name in keyof T]: T[Name] extends GroupSetting ? ValueOf<T[Name]> : ValuesOf<T[Name]> };
type ChangeOf<T> = { readonly [Name in keyof T]?: T[Name] extends GroupSetting ? ValueOf<T[Name]> : ChangeOf<T[Name]> };

export type GroupSettings = ValuesOf<typeof groupSettingRows>;
export type GroupWanPolicy = GroupSettings["wan"];
/** Settings to change; those left out keep their value. */
export type GroupSettingsChange = ChangeOf<typeof groupSettingRows>;

export interface LocatedSetting {
  readonly setting: GroupSetting;
  readonly path: readonly string[];
}

export const isSetting = (row: GroupSetting | SettingTable): row is GroupSetting => typeof row["kind"] === "string";

/** Every row with where its value is. */
export const groupSettingList: readonly LocatedSetting[] = listOf(groupSettingRows);

function listOf(table: SettingTable, path: readonly string[] = []): LocatedSetting[] {
  return Object.entries(table).flatMap(([name, row]) =>
    isSetting(row) ? [{ setting: row, path: [...path, name] }] : listOf(row, [...path, name]),
  );
}

/** Undefined where `values` has none. */
export const settingAt = (values: object, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], values);

export const initialSettings = (): GroupSettings => initialOf(groupSettingRows) as GroupSettings;

const initialOf = (table: SettingTable): object =>
  Object.fromEntries(Object.entries(table).map(([name, row]) => [name, isSetting(row) ? row.initial : initialOf(row)]));

/** Puts a change over settings, or says which value is out of range. */
export function changedSettings(
  settings: GroupSettings,
  change: GroupSettingsChange,
  { lab }: { readonly lab: boolean },
): Result<GroupSettings> {
  for (const { setting, path } of groupSettingList) {
    const value = settingAt(change, path);
    const refused = value === undefined ? undefined : objectionTo(setting, value, lab);
    if (refused) return { ok: false, failure: refused };
  }
  const changed = merged(groupSettingRows, settings, change) as GroupSettings;
  const { backoffSecondsMin: min, backoffSecondsMax: max } = changed;
  return min < max ? success(changed) : refuse.backoffOrder(min, max);
}

type Values = Readonly<Record<string, unknown>>;

/** The settings of the table alone, whatever else the two hold. */
const merged = (table: SettingTable, settings: object, change: object): object =>
  Object.fromEntries(
    Object.entries(table).map(([name, row]) => {
      const [before, after] = [(settings as Values)[name], (change as Values)[name]];
      if (isSetting(row)) return [name, after === undefined ? before : after];
      return [name, merged(row, before as object, (after ?? {}) as object)];
    }),
  );

function objectionTo(setting: GroupSetting, value: unknown, lab: boolean): Failure | undefined {
  if (setting.kind !== "number" && setting.kind !== "bound") return undefined;
  if (setting.kind === "bound" && value === null) return undefined;
  const min = setting.kind === "number" && lab ? (setting.labMin ?? setting.min) : setting.min;
  const max = setting.max ?? Number.MAX_SAFE_INTEGER;
  const number = value as number;
  const isWhole = Number.isInteger(number) || (setting.unit === "seconds" && Number.isFinite(number));
  return isWhole && number >= min && number <= max ? undefined : refuse.outOfRange(setting.subject, number, min, max).failure;
}
