/**
 * The vocabulary in which stored JSON is written down, as `field-table.ts` is for bytes: a shape is a value made of shapes, and
 * one engine checks all of them.
 *
 *     const slot = fields<SlotRecord>({ version: anyText, sha256: anyText });   // a missing or misspelt field does not compile
 *
 * `fault` never throws. A field that the shape does not list is a fault, since it meant something to its writer.
 */
import { type MacAddress, parseMac } from "./mac-address.js";
import { isSha256Hex, type Sha256Hex } from "./sha256.js";

/** Where a value differs from its shape: `wan.transfersMax`, or "" for the value itself; and what belongs there. */
export interface ShapeFault {
  readonly place: string;
  readonly expected: string;
}

export interface Shape<Value> {
  fault(value: unknown): ShapeFault | undefined;
  /** As a field, it may be missing. */
  readonly isOptional?: boolean;
  /** Carries the type; never set. */
  readonly type?: Value;
}

export type ShapeOf<S> = S extends Shape<infer Value> ? Value : never;

export const shapeFaultText = ({ place, expected }: ShapeFault): string => (place === "" ? expected : `${place}: ${expected}`);

/** `expected` completes "expected …". */
export const scalar = <Value>(expected: string, is: (value: unknown) => boolean): Shape<Value> => {
  const fault: ShapeFault = { place: "", expected: `expected ${expected}` };
  return { fault: (value) => (is(value) ? undefined : fault) };
};

export const anyText = scalar<string>("text", (value) => typeof value === "string");
export const yesNo = scalar<boolean>("true or false", (value) => typeof value === "boolean");
export const count = scalar<number>("a whole number from 0", (value) => Number.isSafeInteger(value) && (value as number) >= 0);
/** Any finite number: an instant, a duration, a rate. */
export const number = scalar<number>("a number", Number.isFinite);
export const macAddress = scalar<MacAddress>("a MAC address", (value) => typeof value === "string" && parseMac(value) === value);

const hexDigest = "64 lower-case hex digits";
const isDigest = (value: unknown): boolean => typeof value === "string" && isSha256Hex(value);
export const sha256Hex = scalar<Sha256Hex>(hexDigest, isDigest);
export const sha256HexOrNone = scalar<Sha256Hex | "">(`${hexDigest} or ""`, (value) => value === "" || isDigest(value));

/** One of the keys of `words`, which must list the whole union. */
export const oneOf = <Word extends string>(words: Readonly<Record<Word, unknown>>): Shape<Word> =>
  scalar(Object.keys(words).join(" or "), (value) => typeof value === "string" && Object.hasOwn(words, value));

export const nullable = <Value>(shape: Shape<Value>): Shape<Value | null> => ({
  fault: (value) => {
    const fault = value === null ? undefined : shape.fault(value);
    return fault?.place === "" ? { place: "", expected: `${fault.expected} or null` } : fault;
  },
});

/** A field that came in later: rows written before do not have it. */
export const optional = <Value>(shape: Shape<Value>): Shape<Value | undefined> => ({
  fault: (value) => shape.fault(value),
  isOptional: true,
});

export const listOf = <Value>(item: Shape<Value>): Shape<readonly Value[]> => ({
  fault: (value) => {
    if (!Array.isArray(value)) return { place: "", expected: "expected a list" };
    for (const [index, entry] of value.entries()) {
      const fault = item.fault(entry);
      if (fault) return within(`[${index}]`, fault);
    }
    return undefined;
  },
});

/** An object with exactly these fields. */
export const fields = <Value extends object>(shapes: { readonly [Name in keyof Value]-?: Shape<Value[Name]> }): Shape<Value> => {
  const table = Object.entries(shapes) as [string, Shape<unknown>][];
  return {
    fault: (value) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return { place: "", expected: "expected an object" };
      const unknown = Object.keys(value).find((name) => !Object.hasOwn(shapes, name));
      if (unknown !== undefined) return { place: unknown.slice(0, 64), expected: "unknown field" };
      for (const [name, shape] of table) {
        const fault = Object.hasOwn(value, name)
          ? shape.fault((value as Record<string, unknown>)[name])
          : shape.isOptional
            ? undefined
            : { place: "", expected: "missing field" };
        if (fault) return within(name, fault);
      }
      return undefined;
    },
  };
};

/** An object whose field `tag` says which of `shapes` it has. */
export const tagged = <Tag extends string, Value extends { readonly [T in Tag]: string }>(
  tag: Tag,
  shapes: { readonly [Word in Value[Tag]]: Shape<Extract<Value, { readonly [T in Tag]: Word }>> },
): Shape<Value> => ({
  fault: (value) => {
    const word = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[tag] : undefined;
    if (typeof word === "string" && Object.hasOwn(shapes, word)) return (shapes as Record<string, Shape<unknown>>)[word]?.fault(value);
    return { place: tag, expected: Object.keys(shapes).join(" or ") };
  },
});

const within = (name: string, { place, expected }: ShapeFault): ShapeFault => ({
  place: place === "" || place.startsWith("[") ? name + place : `${name}.${place}`,
  expected,
});
