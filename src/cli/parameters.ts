import type { OperatorPort } from "../admin/operator-port.js";
import { type MacAddress, parseMac } from "../base/mac-address.js";
import { parseScaled } from "../base/scaled-number.js";
import type { FallbackPolicy } from "../core/controller/operator/settings.js";
import { limits, type ReleaseName } from "../core/upgrade/limits.js";

/** One kind of value in a command. */
export interface Parameter<T> {
  /** What is expected, as it follows "expected": `a MAC address such as 00:0a:b8:3b:0b:c2`. */
  readonly what: string;
  /** The value, or undefined when the word is none. */
  readonly parse: (text: string) => T | undefined;
  /** Where it is one of a few words: those. */
  readonly choices?: readonly string[];
  /** Values to offer for completion, as they are; none when the controller does not answer. */
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

const wholeNumber = (min: number, max: number, what: string): Parameter<number> => ({
  what: `${what} from ${min} to ${max}`,
  parse: (word) => (/^\d{1,15}$/.test(word) && Number(word) >= min && Number(word) <= max ? Number(word) : undefined),
});

const orOff = (parameter: Parameter<number>): Parameter<number | null> => ({
  what: `${parameter.what} or off`,
  parse: (word) => (word === "off" ? null : parameter.parse(word)),
  candidates: async () => ["off"],
});

const seconds: Parameter<number> = {
  what: `seconds from 0 to ${limits.backoffSeconds.ceiling}`,
  parse: (word) => (/^\d{1,4}(\.\d{1,3})?$/.test(word) && Number(word) <= limits.backoffSeconds.ceiling ? Number(word) : undefined),
};

const byteRate: Parameter<number> = {
  what: `bytes per second such as 500k or 2M, at least ${limits.wanBytesPerSecond.min},`,
  parse: (word) => {
    const bytesPerSecond = Math.round(parseScaled(word) ?? 0);
    return bytesPerSecond >= limits.wanBytesPerSecond.min && bytesPerSecond <= 1e12 ? bytesPerSecond : undefined;
  },
};

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

/** Every `<name>` that a command of the table may hold. */
export const parameters = {
  group: text("the name of a FlexConnect group", groups),
  ap: text("the name or MAC address of an AP", aps),
  "ap-or-all": text("the name or MAC address of an AP, or all", async (operator) => ["all", ...((await aps?.(operator)) ?? [])]),
  mac: {
    what: "a MAC address such as 00:0a:b8:3b:0b:c2",
    parse: parseMac,
  } satisfies Parameter<MacAddress>,
  release: choice<ReleaseName>("primary", "backup"),
  "retry-count": wholeNumber(limits.retryCount.min, limits.retryCount.max, "a whole number"),
  "min-seconds": seconds,
  "max-seconds": seconds,
  fallback: choice<FallbackPolicy>("fallback", "wait", "fail"),
  transfers: wholeNumber(1, 200, "a whole number"),
  "bytes-per-second": orOff(byteRate),
  "ap-count": orOff(wholeNumber(0, 100_000, "a number of APs")),
  bytes: orOff(wholeNumber(0, 1e15, "bytes")),
  run: wholeNumber(0, 1e9, "the number of a run"),
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

export type ParameterName = keyof typeof parameters;
export type ParameterValue<Name extends ParameterName> = NonNullable<ReturnType<(typeof parameters)[Name]["parse"]>> | NullOf<Name>;
type NullOf<Name extends ParameterName> = null extends ReturnType<(typeof parameters)[Name]["parse"]> ? null : never;

/** `a`, `a or b`, `a, b or c`. */
export function orList(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} or ${items.at(-1)}`;
}
