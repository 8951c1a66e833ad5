import t from "tap";
import { Groups, newGroup } from "../../../../src/core/controller/groups.js";
import { type GroupConfig, groupDifferences } from "../../../../src/core/controller/operator/group-config.js";
import { Outbox } from "../../../../src/core/controller/outbox.js";
import type { GroupRecord } from "../../../../src/core/controller/records.js";

const mac = (last: number): string => `00:0a:b8:00:00:${last.toString(16).padStart(2, "0")}`;
const free = (): boolean => false;

function groupsWith(records: readonly GroupRecord[] = []): { groups: Groups; outbox: Outbox } {
  const outbox = new Outbox();
  return { groups: new Groups(records, { platform: "5508", lab: false }, outbox), outbox };
}

const wanted: GroupConfig = {
  ...newGroup("Branch 12"),
  predownload: true,
  retryCount: 20,
  aps: [mac(1), mac(2), mac(3)],
  manualPrimaries: [mac(2)],
  forcedSubordinates: [mac(3)],
};

t.test("a document is put in place whole, and again changes nothing", async (t) => {
  const { groups, outbox } = groupsWith([newGroup("Old")]);
  const check = groups.replaceAll([wanted], free, true);
  t.same(groups.all(), [newGroup("Old")], "a check changes nothing");
  t.same(outbox.takeRecords(), []);
  const first = groups.replaceAll([wanted], free, false);
  t.same(first, check);
  t.same(groups.all(), [wanted]);
  t.same(
    outbox.takeRecords().map(({ key }) => key),
    ["group/Old", "group/Branch 12"],
  );
  t.same(groups.of(mac(1) as never)?.name, "Branch 12");
  t.same(groups.replaceAll(groups.all(), free, false), { ok: true, value: { changes: [] } });
  t.same(outbox.takeRecords(), [], "nothing is written again");
});

t.test("one wrong thing refuses the whole document", async (t) => {
  const { groups } = groupsWith([newGroup("Old")]);
  const cases: readonly (readonly [GroupConfig[], string])[] = [
    [[wanted, { ...newGroup("Other"), aps: [mac(1)] }], "ap-in-group"],
    [[wanted, wanted], "group-exists"],
    [[{ ...wanted, retryCount: 64 }], "out-of-range"],
    [[{ ...wanted, backoffSecondsMin: 1 }], "out-of-range"],
    [[{ ...wanted, aps: ["garbage"] }], "bad-mac"],
    [[{ ...wanted, manualPrimaries: [mac(9)] }], "ap-not-in-group"],
    [[{ ...wanted, aps: Array.from({ length: 26 }, (_, index) => mac(index)) }], "group-full"],
  ];
  for (const [document, code] of cases) t.match(groups.replaceAll(document, free, false), { ok: false, failure: { code } }, code);
  t.same(groups.all(), [newGroup("Old")]);
});

t.test("a group in a run may stay but not change or go", async (t) => {
  const { groups } = groupsWith();
  groups.replaceAll([wanted], free, false);
  const busy = (name: string): boolean => name === "Branch 12";
  t.match(groups.replaceAll([], busy, false), { ok: false, failure: { code: "group-busy" } });
  t.match(groups.replaceAll([{ ...wanted, retryCount: 5 }], busy, false), { ok: false, failure: { code: "group-busy" } });
  t.same(groups.replaceAll([wanted, newGroup("New")], busy, true).ok, true);
});

t.test("differences are lines for people", async (t) => {
  const changed = { ...wanted, retryCount: 5, wan: { ...wanted.wan, bytesPerSecondMax: 1000 }, aps: [mac(1)] };
  t.same(groupDifferences([newGroup("Old"), wanted], [changed]), [
    "- group Old",
    "~ group Branch 12: retryCount 20 -> 5",
    `~ group Branch 12: aps [${mac(1)} ${mac(2)} ${mac(3)}] -> [${mac(1)}]`,
    "~ group Branch 12: wan.bytesPerSecondMax null -> 1000",
  ]);
  t.equal(groupDifferences([], [newGroup("New")])[0], "+ group New");
  t.same(groupDifferences([wanted], [wanted]), []);
});
