import t from "tap";
import type { ApImageRow, GroupView, ImageView, ModelView } from "../../../../src/core/controller/operator/views.js";
import { previewRun } from "../../../../src/core/controller/run/preview.js";
import { idleRow } from "../../../support/ap-image-row.js";

const mebibyte = 1 << 20;

const ap = (number: number, over: Partial<ApImageRow> = {}): ApImageRow => ({
  ...idleRow({
    name: `AP${number}`,
    mac: `00:00:5e:00:53:0${number}`,
    model: "AIR-AP2802I",
    group: "Branch",
    primaryImage: "8.3.143.0",
  }),
  ...over,
});

const model = (over: Partial<ModelView> = {}): ModelView => ({
  family: "ap3g3",
  models: ["AIR-AP2802I"],
  primary: { mac: "00:00:5e:00:53:01", name: "AP1", model: "AIR-AP2802I" },
  manual: false,
  warning: null,
  wanCopies: 0,
  wanBytes: 0,
  lanBytes: 0,
  wanWireBytes: 0,
  sessions: 0,
  sessionsPeak: 0,
  sessionsMax: 3,
  serving: [],
  ...over,
});

const group = (aps: readonly ApImageRow[], over: Partial<GroupView> = {}): GroupView => ({
  name: "Branch",
  predownload: true,
  retryCount: 44,
  backoffSecondsMin: 100,
  backoffSecondsMax: 300,
  wave2Refetch: true,
  wan: { fallback: "fallback", transfersMax: 10, bytesPerSecondMax: null, fallbackApsMax: null, fallbackBytesMax: null },
  aps: aps.map(({ mac, name, model }) => ({ mac, name, model, status: "Joined", forcedSubordinate: false })),
  models: [model()],
  run: null,
  transfers: [],
  ...over,
});

const image: ImageView = {
  id: "1",
  version: "8.5.161.0",
  release: "primary",
  models: ["AIR-AP2802I"],
  families: ["ap3g3"],
  sizeBytes: 10 * mebibyte,
  sha256: "",
  md5: "",
  fileName: "ap3g3",
  addedAt: 0,
};

const link = { wanBytesPerSecond: mebibyte, lanBytesPerSecond: 5 * mebibyte };
const preview = (aps: readonly ApImageRow[], over: { group?: GroupView; images?: ImageView[]; refetches?: boolean } = {}) =>
  previewRun({
    group: over.group ?? group(aps),
    aps,
    images: over.images ?? [image],
    release: "primary",
    link,
    refetches: () => over.refetches ?? false,
  });

t.test("one copy over the WAN, the rest at once from three slots", async (t) => {
  const plan = preview([ap(1), ap(2), ap(3), ap(4)]);
  t.equal(plan.objection, null);
  t.equal(plan.wanBytes, 10 * mebibyte);
  t.equal(plan.wanBytesWithoutFeature, 40 * mebibyte);
  t.equal(plan.expectedSeconds, 12, "10 s over the WAN, then 2 s on the LAN");
  t.match(plan.models, [{ subordinates: 3, alreadyHolding: 0, expectedFallbacks: 0, image: { version: "8.5.161.0" } }]);
});

t.test("a fifth AP costs a back-off", async (t) => {
  const seconds = preview([ap(1), ap(2), ap(3), ap(4), ap(5)]).expectedSeconds ?? 0;
  t.ok(seconds > 112 && seconds < 314, `${seconds}`);
});

t.test("who holds the image fetches nothing", async (t) => {
  const plan = preview([ap(1, { backupImage: "8.5.161.0" }), ap(2, { primaryImage: "8.5.161.0" }), ap(3)]);
  t.equal(plan.wanBytes, 0);
  t.match(plan.models, [{ subordinates: 1, alreadyHolding: 2 }]);
  t.equal(preview([ap(1, { backupImage: "8.5.161.0" })]).expectedSeconds, null);
});

t.test("a Wave 2 primary fetches what it holds", async (t) => {
  const plan = preview([ap(1, { backupImage: "8.5.161.0" })], { refetches: true });
  t.equal(plan.wanBytes, 10 * mebibyte);
  t.equal(plan.expectedSeconds, 10);
});

t.test("who cannot take part is named with the reason", async (t) => {
  const aps = [ap(1), ap(2), ap(3, { model: "AIR-CAP1530" })];
  const away = group(aps);
  const plan = preview(aps, {
    group: { ...away, aps: away.aps.map((member) => (member.name === "AP2" ? { ...member, status: "Not Joined" as const } : member)) },
  });
  t.match(plan.skipped, [
    { name: "AP2", reason: "not joined to this controller" },
    { name: "AP3", reason: "its model has no primary" },
  ]);
  const bare = preview(aps, { images: [{ ...image, release: "backup" }] });
  t.equal(bare.expectedSeconds, null);
  t.match(bare.skipped.find(({ name }) => name === "AP1")?.reason, /primary release has no image for ap3g3/);
});
