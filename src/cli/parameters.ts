import type { OperatorPort } from "../admin/operator-port.js";
import { type MacAddress, parseMac } from "../base/mac-address.js";
import { parseScaled } from "../base/scaled-number.js";
import type { Instant } from "../base/time.js";
import type { ActivationSequence, BatchRule } from "../core/controller/activation/activation.js";
import { type GroupSetting, groupSettingList, type SettingUnit, type SwitchSetting } from "../core/controller/operator/group-settings.js";
import { limits, type ReleaseName } from "../core/upgrade/limits.js";

/** One kind of value in a command. */
export interface Parameter<T> {
  /** What is expected, as it follows "expected": `a MAC address such as 00:0a:b8:3b:0b:c2`. */
  readonly what: string;
  /** The value, or undefined if the word is not valid. */
  readonly parse: (text: string) => T | undefined;
  /** Where it is one of a few words: those. */
  readonly choices?: readonly string[];
  /** Values to offer for completion; none if the controller does not answer. */
  readonly candidates?: (operator: OperatorPort) => Promise<readonly string[]>;
}

const text = (what: string, candidates?: Parameter<string>["candidates"]): Parameter<string> => ({
  what,
  parse: (word) => (word === "" ? undefined : word),
  ...(candidates !== undefined && { candidates }),
});

const choice = <T extends string>(...values: readonly T[]): Parameter<T> => ({
  what: orList(values),
  choices: values,
  parse: (word) => values.find((value) => value === word),
  candidates: async () => values,
});

const digitsMax = 15;

const wholeNumber = (what: string, min: number, max?: number): Parameter<number> => ({
  what: max === undefined ? `${what} from ${min}` : `${what} from ${min} to ${max}`,
  parse: (word) => {
    const value = /^\d+$/.test(word) && word.length <= digitsMax ? Number(word) : Number.NaN;
    return value >= min && value <= (max ?? value) ? value : undefined;
  },
});

const seconds = (max: number): Parameter<number> => ({
  what: `seconds from 0 to ${max}`,
  parse: (word) => (/^\d{1,4}(\.\d{1,3})?$/.test(word) && Number(word) <= max ? Number(word) : undefined),
});

const byteRate = (min: number): Parameter<number> => ({
  what: `bytes per second such as 500k or 2M, at least ${min},`,
  parse: (word) => {
    const bytesPerSecond = Math.round(parseScaled(word) ?? 0);
    return bytesPerSecond >= min && bytesPerSecond <= 1e12 ? bytesPerSecond : undefined;
  },
});

const orOff = (parameter: Parameter<number>): Parameter<number | null> => ({
  what: `${parameter.what} or off`,
  parse: (word) => (word === "off" ? null : parameter.parse(word)),
  candidates: async () => ["off"],
});

const quantity = (unit: SettingUnit, min: number, max = 10 ** digitsMax): Parameter<number> => {
  switch (unit) {
    case "number":
      return wholeNumber("a whole number", min, max);
    case "seconds":
      return seconds(max);
    case "bytes/s":
      return byteRate(min);
    case "APs":
      return wholeNumber("a number of APs", min);
    case "bytes":
      return wholeNumber("bytes", min);
  }
};

function settingParameter(setting: Exclude<GroupSetting, SwitchSetting>): Parameter<unknown> {
  if (setting.kind === "choice") return choice(...setting.choices);
  const number = quantity(setting.unit, setting.min, setting.max);
  return setting.kind === "bound" ? orOff(number) : number;
}

/** The values of group settings. */
const settingParameters: Readonly<Record<string, Parameter<unknown>>> = Object.fromEntries(
  groupSettingList.flatMap(({ setting }) => (setting.kind === "switch" ? [] : [[setting.parameter, settingParameter(setting)]])),
);

/** `5`, `25%`, or `1:0,10:1,100:5`. */
function parseBatch(word: string): BatchRule | undefined {
  const [, digits, sign] = /^(\d{1,6})(%?)$/.exec(word) ?? [];
  const size = Number(digits);
  if (digits !== undefined && sign === "") return size >= 1 ? { kind: "count", aps: size } : undefined;
  if (digits !== undefined) return size >= 1 && size <= 100 ? { kind: "percent", percent: size } : undefined;
  const phases = word.split(",").map((phase) => /^(\d{1,3}):(\d{1,4})$/.exec(phase));
  if (phases.length > limits.activation.phases) return undefined;
  const parsed = phases.flatMap((phase) => (phase ? [{ percent: Number(phase[1]), failuresMax: Number(phase[2]) }] : []));
  const isSound = parsed.length === phases.length && parsed.every(({ percent }) => percent >= 1 && percent <= 100);
  return isSound ? { kind: "phases", phases: parsed } : undefined;
}

/** Without a zone a time would mean one thing on the operator's machine and another over SSH. */
function parseTime(word: string): Instant | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})$/.test(word)) return undefined;
  const at = Date.parse(word);
  return Number.isNaN(at) ? undefined : at;
}

const groups: Parameter<string>["candidates"] = async (operator) => {
  const answer = await operator.order({ type: "show-group-summary" });
  return answer.ok ? answer.value.map(({ name }) => name) : [];
};
const aps: Parameter<string>["candidates"] = async (operator) => {
  const answer = await operator.order({ type: "show-ap-summary" });
  return answer.ok ? answer.value.map(({ name }) => name) : [];
};
const images: Parameter<string>["candidates"] = async (operator) => {
  const answer = await operator.order({ type: "show-images" });
  return answer.ok ? answer.value.map(({ id }) => id) : [];
};

/** What a command of the table may hold as `<name>`, besides the values of settings. */
const ownParameters = {
  group: text("the name of a FlexConnect group", groups),
  ap: text("the name or MAC address of an AP", aps),
  "ap-or-all": text("the name or MAC address of an AP, or all", async (operator) => ["all", ...((await aps?.(operator)) ?? [])]),
  mac: {
    what: "a MAC address such as 00:0a:b8:3b:0b:c2",
    parse: parseMac,
  } satisfies Parameter<MacAddress>,
  release: choice<ReleaseName>("primary", "backup"),
  run: wholeNumber("the number of a run", 0, 1e9),
  file: text("the path of a file"),
  bundle: text("the path of the image's bundle"),
  version: text("a version such as 8.5.161.0"),
  models: {
    what: "model or family names separated by commas, such as AIR-AP2802I,AIR-AP3802I",
    parse: (word) => {
      const names = word.split(",").map((name) => name.trim());
      return names.every((name) => name !== "") ? names : undefined;
    },
  } satisfies Parameter<readonly string[]>,
  image: text("the id of an image as image ls shows it", images),
  batch: {
    what: "APs in a batch such as 5 or 25%, or phases in per cent with the failures allowed in each such as 1:0,10:1,50:2,100:5",
    parse: parseBatch,
  } satisfies Parameter<BatchRule>,
  "pause-seconds": wholeNumber("seconds", limits.activation.pauseSeconds.min, limits.activation.pauseSeconds.max),
  failures: wholeNumber("a number of APs", limits.activation.failures.min, limits.activation.failures.max),
  sequence: choice<ActivationSequence>("name", "random"),
  aps: {
    what: "names or MAC addresses of APs separated by commas",
    parse: (word) => {
      const names = word.split(",").map((name) => name.trim());
      return names.every((name) => name !== "") ? names : undefined;
    },
    candidates: aps,
  } satisfies Parameter<readonly string[]>,
  time: { what: "a time with its zone such as 2027-03-28T02:30+01:00", parse: parseTime } satisfies Parameter<Instant>,
} as const;

/** Every `<name>` that a command of the table may hold. */
export const parameters: Readonly<Record<string, Parameter<unknown>>> = { ...ownParameters, ...settingParameters };

export type ParameterName = keyof typeof ownParameters;
export type ParameterValue<Name extends ParameterName> = NonNullable<ReturnType<(typeof ownParameters)[Name]["parse"]>>;

/** `a`, `a or b`, `a, b or c`. */
export function orList(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} or ${items.at(-1)}`;
}
