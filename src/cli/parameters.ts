import type { OperatorPort } from "../admin/operator-port.js";
import { type MacAddress, parseMac } from "../base/mac-address.js";
import { parseScaled } from "../base/scaled-number.js";
import { type GroupSetting, groupSettingList, type SettingUnit, type SwitchSetting } from "../core/controller/operator/group-settings.js";
import type { ReleaseName } from "../core/upgrade/limits.js";

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
  version: text("a version such as 8.5.161.0"),
  models: {
    what: "model or family names separated by commas, such as AIR-AP2802I,AIR-AP3802I",
    parse: (word) => {
      const names = word.split(",").map((name) => name.trim());
      return names.every((name) => name !== "") ? names : undefined;
    },
  } satisfies Parameter<readonly string[]>,
  image: text("the id of an image as image ls shows it", images),
} as const;

/** Every `<name>` that a command of the table may hold. */
export const parameters: Readonly<Record<string, Parameter<unknown>>> = { ...ownParameters, ...settingParameters };

export type ParameterName = keyof typeof ownParameters;
export type ParameterValue<Name extends ParameterName> = NonNullable<ReturnType<(typeof ownParameters)[Name]["parse"]>>;

/** `a`, `a or b`, `a, b or c`. */
export function orList(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} or ${items.at(-1)}`;
}
