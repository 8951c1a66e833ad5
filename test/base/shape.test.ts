import t from "tap";
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
  type ShapeOf,
  shapeFaultText,
  tagged,
  yesNo,
} from "../../src/base/shape.js";

interface Sample {
  readonly name: string;
  readonly on: boolean;
  readonly tries: number;
  readonly at: number | null;
  readonly way: "wan" | "lan" | null;
  readonly peers: readonly { readonly mac: string }[];
}

const sample = fields<Sample>({
  name: anyText,
  on: yesNo,
  tries: count,
  at: nullable(number),
  way: nullable(oneOf({ wan: 1, lan: 1 })),
  peers: listOf(fields<{ readonly mac: string }>({ mac: macAddress })),
});
const good: ShapeOf<typeof sample> = { name: "", on: true, tries: 0, at: null, way: "lan", peers: [{ mac: "00:0a:b8:3b:0b:c2" }] };

const fault = (shape: Shape<unknown>, value: unknown): string | undefined => {
  const found = shape.fault(value);
  return found && shapeFaultText(found);
};

t.test("a value of the shape has no fault, and every other says where and why", async (t) => {
  t.equal(fault(sample, good), undefined);
  t.equal(fault(sample, { ...good, at: -1.5, way: null, peers: [] }), undefined);
  const faults: readonly (readonly [unknown, string])[] = [
    [null, "expected an object"],
    [[good], "expected an object"],
    ["{}", "expected an object"],
    [{ ...good, name: 1 }, "name: expected text"],
    [{ ...good, on: 1 }, "on: expected true or false"],
    [{ ...good, tries: -1 }, "tries: expected a whole number from 0"],
    [{ ...good, tries: 1.5 }, "tries: expected a whole number from 0"],
    [{ ...good, at: "now" }, "at: expected a number or null"],
    [{ ...good, at: Number.NaN }, "at: expected a number or null"],
    [{ ...good, way: "toString" }, "way: expected wan or lan or null"],
    [{ ...good, peers: {} }, "peers: expected a list"],
    [{ ...good, peers: [...good.peers, null] }, "peers[1]: expected an object"],
    [{ ...good, peers: [{ mac: "00-0a-b8-3b-0b-c2" }] }, "peers[0].mac: expected a MAC address"],
    [{ ...good, extra: null }, "extra: unknown field"],
    [Object.assign(Object.create({ name: "inherited" }), { ...good, name: undefined }), "name: expected text"],
  ];
  for (const [value, expected] of faults) t.equal(fault(sample, value), expected);
  const { name: _, ...nameless } = good;
  t.equal(fault(sample, nameless), "name: missing field");
});

type Step = { readonly phase: "waiting" } | { readonly phase: "over"; readonly at: number };
const step = tagged<"phase", Step>("phase", {
  waiting: fields<Extract<Step, { phase: "waiting" }>>({ phase: oneOf({ waiting: 1 }) }),
  over: fields<Extract<Step, { phase: "over" }>>({ phase: oneOf({ over: 1 }), at: number }),
});

t.test("a union is checked by its tag", async (t) => {
  t.equal(fault(step, { phase: "waiting" }), undefined);
  t.equal(fault(step, { phase: "over", at: 1 }), undefined);
  t.equal(fault(step, { phase: "over" }), "at: missing field");
  t.equal(fault(step, { phase: "waiting", at: 1 }), "at: unknown field");
  for (const value of [{ phase: "toString" }, {}, null, "over"]) t.equal(fault(step, value), "phase: waiting or over");
});
