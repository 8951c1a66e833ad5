import t from "tap";
import { type MacAddress, macFromBytes } from "../../../src/base/mac-address.js";
import { type Candidate, elect, ineligibility } from "../../../src/core/upgrade/election.js";
import fc from "../../support/properties.js";

const sizeBytes = 1000;
const mac = (last: number): MacAddress => macFromBytes(Uint8Array.from([0, 0, 0, 0, last >> 8, last & 0xff]));
const candidate = (last: number, change: Partial<Candidate> = {}): Candidate => ({
  mac: mac(last),
  joined: true,
  overIPv6: false,
  forcedSubordinate: false,
  capable: true,
  freeBytes: sizeBytes,
  holdsImage: false,
  steppedDown: false,
  ...change,
});

t.test("each rule, with its code", async (t) => {
  const table: readonly (readonly [Partial<Candidate>, string | undefined])[] = [
    [{}, undefined],
    [{ joined: false }, "not-joined"],
    [{ overIPv6: true }, "joined-over-ipv6"],
    [{ forcedSubordinate: true }, "forced-subordinate"],
    [{ capable: false }, "not-capable"],
    [{ steppedDown: true }, "stepped-down"],
    [{ freeBytes: sizeBytes - 1 }, "not-enough-flash"],
    [{ freeBytes: 0, holdsImage: true }, undefined],
  ];
  for (const [change, code] of table) t.equal(ineligibility(candidate(1, change), sizeBytes)?.code, code, JSON.stringify(change));
});

t.test("manual before lowest MAC, and a refused manual primary is named", async (t) => {
  const aps = [candidate(9), candidate(3), candidate(5)];
  t.same(elect(aps, null, sizeBytes), { primary: mac(3), manual: false, manualRefused: null });
  t.same(elect(aps, mac(5), sizeBytes), { primary: mac(5), manual: true, manualRefused: null });
  const refused = elect([candidate(9), candidate(3), candidate(5, { overIPv6: true })], mac(5), sizeBytes);
  t.match(refused, { primary: mac(3), manual: false, manualRefused: { code: "joined-over-ipv6" } });
  t.match(elect([candidate(5, { joined: false })], null, sizeBytes), { primary: null });
  t.match(elect([], mac(5), sizeBytes), { primary: null, manualRefused: null });
});

t.test("against a model: sort the eligible by 48-bit number", async () => {
  const anyCandidate = fc.record({
    mac: fc.uint8Array({ minLength: 6, maxLength: 6 }).map(macFromBytes),
    joined: fc.boolean(),
    overIPv6: fc.boolean(),
    forcedSubordinate: fc.boolean(),
    capable: fc.boolean(),
    freeBytes: fc.nat(2 * sizeBytes),
    holdsImage: fc.boolean(),
    steppedDown: fc.boolean(),
  });
  const number = (text: MacAddress): number => Number.parseInt(text.replaceAll(":", ""), 16);
  fc.assert(
    fc.property(fc.uniqueArray(anyCandidate, { selector: (ap) => ap.mac, maxLength: 12 }), fc.nat(12), (aps, pick) => {
      const manual = aps[pick]?.mac ?? null;
      const eligible = aps.filter(
        (ap) =>
          ap.joined &&
          !ap.overIPv6 &&
          !ap.forcedSubordinate &&
          ap.capable &&
          !ap.steppedDown &&
          (ap.holdsImage || ap.freeBytes >= sizeBytes),
      );
      const byNumber = eligible.toSorted((a, b) => number(a.mac) - number(b.mac));
      const expected = eligible.some((ap) => ap.mac === manual) ? manual : (byNumber[0]?.mac ?? null);
      const found = elect(aps, manual, sizeBytes);
      return (
        found.primary === expected &&
        found.manual === (expected !== null && expected === manual && eligible.some((ap) => ap.mac === manual))
      );
    }),
  );
});
