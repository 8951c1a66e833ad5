import t from "tap";
import type { ApImageRow, GroupView, ModelView } from "../../../../src/core/controller/operator/views.js";
import { lanesOf } from "../../../../src/web/page/run/lanes.js";
import type { Ap } from "../../../../src/web/page/state/ap.js";

const ap = (number: number, images: Partial<ApImageRow>, retryAt: number | null = null): Ap =>
  ({
    summary: { name: `AP${number}`, mac: `mac${number}`, family: "ap3g3" },
    images: { mac: `mac${number}`, status: "Initiated", role: "subordinateLocal", source: null, bytesDone: 0, bytesTotal: 1000, ...images },
    retryAt,
  }) as unknown as Ap;

const laneWith = (aps: readonly Ap[], model: Partial<ModelView> = {}) => {
  const group = {
    aps: aps.map(({ summary }) => ({ mac: summary.mac })),
    models: [{ family: "ap3g3", models: ["AIR-AP2802I"], primary: { mac: "mac1" }, sessionsMax: 3, serving: [], ...model }],
  } as unknown as GroupView;
  const [lane] = lanesOf(group, new Map(aps.map((each) => [each.summary.mac, each])));
  if (lane === undefined) throw new Error("no lane");
  return lane;
};
const names = (aps: readonly Ap[]): string[] => aps.map(({ summary }) => summary.name);

t.test("every AP is in one place", async (t) => {
  const lane = laneWith(
    [
      ap(1, { status: "Complete", role: "primaryCentral" }),
      ap(2, { status: "Predownloading", bytesDone: 400 }),
      ap(3, {}, 9000),
      ap(4, { status: "Complete", source: "lan" }),
      ap(5, { status: "Predownloading", role: "subordinateCentral" }),
      ap(6, { status: "Failed" }),
      ap(7, { status: "NotSupported" }),
      ap(8, { status: "None" }),
    ],
    { serving: [{ mac: "mac2", name: "AP2", address: "10.0.0.2", bytesDone: 450 }] },
  );
  t.equal(lane.primary?.summary.name, "AP1");
  t.same([lane.waiting, lane.done, lane.overWan, lane.failed].map(names), [["AP3"], ["AP4"], ["AP5"], ["AP6", "AP7"]]);
  t.same(
    lane.slots.map((slot) => slot && [slot.name, slot.bytesDone, slot.bytesTotal]),
    [["AP2", 450, 1000], undefined, undefined],
  );
});

t.test("the next to try comes first, whoever has no time yet last, by name as people count", async (t) => {
  const lane = laneWith([ap(1, {}), ap(10, {}), ap(2, {}), ap(3, {}, 9000), ap(4, {}, 4000)]);
  t.same(names(lane.waiting), ["AP4", "AP3", "AP2", "AP10"]);
});

t.test("a peer that the controller cannot name is shown by its address", async (t) => {
  const lane = laneWith([ap(1, {}), ap(2, {})], { serving: [{ mac: null, name: null, address: "10.9.9.9", bytesDone: 5 }] });
  t.match(lane.slots[0], { name: "10.9.9.9", bytesTotal: 1000, ap: undefined });
});

t.test("more peers than slots are all shown", async (t) => {
  const serving = [1, 2, 3, 4].map((number) => ({ mac: null, name: null, address: `10.0.0.${number}`, bytesDone: 0 }));
  t.equal(laneWith([], { serving }).slots.length, 4);
});
