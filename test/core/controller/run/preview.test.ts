import t from "tap";
import type { GroupPreview } from "../../../../src/core/controller/operator/views.js";
import { branch, type ControllerLab, digest, image, type LabAp, mac, start } from "../../../support/controller-lab.js";

const mebibyte = 1 << 20;
const link = { wanBytesPerSecond: mebibyte, lanBytesPerSecond: 5 * mebibyte };
const modelImage = image({ models: ["AIR-AP2802I"], sizeBytes: 10 * mebibyte, version: "8.5.161.0" });

function branchOf(aps: readonly Omit<LabAp, "number">[]): ControllerLab {
  const lab = branch(0);
  lab.do({ type: "image-add", image: modelImage });
  lab.do({ type: "group-backoff", group: "G", minSeconds: 100, maxSeconds: 300 });
  for (const [index, ap] of aps.entries()) {
    const number = index + 1;
    lab.join({ model: "AIR-AP2802I", freeBytes: 1e9, ...ap, number });
    lab.do({ type: "group-ap-add", group: "G", mac: mac(number) });
  }
  return lab;
}

const previewOf = (lab: ControllerLab, release: "primary" | "backup" = "primary"): GroupPreview =>
  lab.do({ type: "group-preview", group: "G", release, link });
const holder = { backup: "a" };

t.test("one copy over the WAN, the rest at once from three slots", async (t) => {
  const plan = previewOf(branchOf([{}, {}, {}, {}]));
  t.equal(plan.objection, null);
  t.equal(plan.wanBytes, 10 * mebibyte);
  t.equal(plan.wanBytesWithoutFeature, 40 * mebibyte);
  t.equal(plan.expectedSeconds, 12, "10 s over the WAN, then 2 s on the LAN");
  t.match(plan.models, [{ subordinates: 3, alreadyHolding: 0, expectedFallbacks: 0, image: { version: "8.5.161.0" } }]);
});

t.test("a fifth AP costs a back-off", async (t) => {
  const seconds = previewOf(branchOf([{}, {}, {}, {}, {}])).expectedSeconds ?? 0;
  t.ok(seconds > 112 && seconds < 314, `${seconds}`);
});

t.test("an AP that holds the image fetches nothing", async (t) => {
  const lab = branchOf([holder, holder, {}]);
  lab.do({ type: "group-wave2-refetch", group: "G", enabled: false });
  t.equal(previewOf(lab).wanBytes, 0);
  t.match(previewOf(lab).models, [{ subordinates: 1, alreadyHolding: 2 }]);
  const alone = branchOf([holder]);
  alone.do({ type: "group-wave2-refetch", group: "G", enabled: false });
  t.equal(previewOf(alone).expectedSeconds, null);
});

t.test("a Wave 2 primary fetches what it holds", async (t) => {
  const plan = previewOf(branchOf([holder]));
  t.equal(plan.wanBytes, 10 * mebibyte);
  t.equal(plan.expectedSeconds, 10);
});

t.test("the right version with other bytes is not the image", async (t) => {
  const lab = branchOf([{ backup: "d", running: "8.5.161.0" }, { backup: "d" }]);
  t.match(previewOf(lab), { wanBytes: 10 * mebibyte, models: [{ subordinates: 1, alreadyHolding: 0 }] });
});

t.test("the primary of the release that is asked for", async (t) => {
  const lab = branchOf([{ freeBytes: 15 * mebibyte }, {}]);
  lab.do({ type: "image-add", image: { ...modelImage, release: "backup", sizeBytes: 20 * mebibyte, sha256: digest("b") } });
  t.match(previewOf(lab).models, [{ primary: { name: "ap1" } }]);
  t.match(previewOf(lab, "backup").models, [{ primary: { name: "ap2" } }], "the first has no room for this one");
});

t.test("a plain RFC 5415 AP fetches over the WAN", async (t) => {
  const plan = previewOf(branchOf([{}, { plain: true }]));
  t.match(plan, { wanBytes: 20 * mebibyte, models: [{ subordinates: 0 }] });
});

t.test("APs that cannot take part are named with the reason", async (t) => {
  const lab = branchOf([{}, {}, { model: "AIR-CAP1530" }]);
  lab.leave(2);
  lab.do({ type: "group-ap-add", group: "G", mac: mac(9) });
  t.match(previewOf(lab).skipped, [
    { name: "ap2", reason: "not joined to this controller" },
    { mac: mac(9), name: null, reason: "has never joined this controller" },
    { name: "ap3", reason: /primary release has no image for ap1g3/ },
  ]);
});

t.test("what start refuses, the preview objects to, and still says what would happen", async (t) => {
  const lab = branchOf([{}, {}]);
  const objection = (release: "primary" | "backup" = "primary") => previewOf(lab, release).objection?.code;
  t.equal(objection("backup"), "no-image");
  t.equal(previewOf(lab, "backup").expectedSeconds, null);
  lab.do({ type: "group-predownload", group: "G", enabled: false });
  t.equal(objection(), "predownload-disabled");
  t.equal(previewOf(lab).wanBytes, 10 * mebibyte);
  lab.do({ type: "group-predownload", group: "G", enabled: true });
  lab.do(start);
  t.equal(objection(), "group-busy");
  t.equal(previewOf(lab).wanBytes, 10 * mebibyte);
  lab.do({ type: "group-abort", group: "G" });
  lab.leave(1, 2);
  t.equal(objection(), "no-joined-aps");
});

t.test("nobody can be primary: every AP crosses the WAN, which is said", async (t) => {
  const lab = branchOf([{ address: "fd00::1" }, { address: "fd00::2" }]);
  t.match(previewOf(lab), {
    wanBytes: 20 * mebibyte,
    models: [{ primary: null, warnings: ["No AP can be primary (ap1: it is joined over IPv6; ap2: it is joined over IPv6)."] }],
  });
  lab.do({ type: "group-wan", group: "G", wan: { fallbackApsMax: 1 } });
  t.equal(previewOf(lab).wanBytes, 10 * mebibyte);
  lab.do({ type: "group-wan", group: "G", wan: { fallback: "fail" } });
  t.equal(previewOf(lab).wanBytes, 0);
});

t.test("too little flash is named, and who is passed over for it", async (t) => {
  const lab = branchOf([{ freeBytes: 9 * mebibyte }, {}, { freeBytes: 1 }]);
  t.match(previewOf(lab).models, [
    {
      primary: { name: "ap2" },
      warnings: [
        "ap1 is passed over as primary: it has not enough free flash.",
        `ap1 has too little free flash: ${9 * mebibyte} bytes, the image has ${10 * mebibyte}.`,
        `ap3 has too little free flash: 1 bytes, the image has ${10 * mebibyte}.`,
      ],
    },
  ]);
});

t.test("the lowest of the link's, the group's and the controller's rate binds", async (t) => {
  const lab = branchOf([{}]);
  t.match(previewOf(lab), { expectedSeconds: 10, wanRate: { boundBy: "link" } });
  lab.do({ type: "group-wan", group: "G", wan: { bytesPerSecondMax: mebibyte / 4 } });
  t.match(previewOf(lab), { expectedSeconds: 40, wanRate: { boundBy: "group", bytesPerSecond: mebibyte / 4 } });
  lab.restart({ wan: { transfersMax: 100, bytesPerSecondMax: mebibyte / 8 } });
  lab.join({ number: 1, model: "AIR-AP2802I", freeBytes: 1e9 });
  t.match(previewOf(lab), { expectedSeconds: 80, wanRate: { boundBy: "controller" } });
});

t.test("with one WAN transfer at a time the first primary serves early, and fallbacks share the link", async (t) => {
  const lab = branchOf([{}, { model: "AIR-AP3702I" }]);
  lab.do({ type: "image-add", image: image({ sizeBytes: 10 * mebibyte, sha256: digest("c") }) });
  t.same(
    previewOf(lab).models.map(({ expectedSeconds }) => expectedSeconds),
    [20, 20],
  );
  lab.do({ type: "group-wan", group: "G", wan: { transfersMax: 1 } });
  t.same(
    previewOf(lab)
      .models.map(({ expectedSeconds }) => expectedSeconds)
      .sort(),
    [10, 20],
  );
});

t.test("the distributions side by side, and a warning that names the cure where tries do not last", async (t) => {
  const many = Array.from({ length: 100 }, () => ({}));
  const lab = branchOf(many);
  const slow = { wanBytesPerSecond: mebibyte, lanBytesPerSecond: (10 * mebibyte) / 600 };
  const preview = () => lab.do({ type: "group-preview", group: "G", release: "primary", link: slow });
  const [classic, assigned, stream] = preview().distributions;
  t.match(classic, { distribution: "classic", limitedBy: "slots" });
  t.ok(Math.abs((classic?.expectedFallbacks ?? 0) - 50) <= 2, `${classic?.expectedFallbacks} fallbacks`);
  t.equal(preview().expectedSeconds, classic?.expectedSeconds);
  t.match(assigned, { distribution: "assigned", expectedSeconds: 10 + 33 * 600, expectedFallbacks: 0, wanBytes: 10 * mebibyte });
  // 99 subordinates are five levels of at most 3, 9, 27, 81 APs: one transfer, and a tenth of it for each level but the first.
  t.match(stream, {
    distribution: "stream",
    expectedSeconds: 600 * 1.3,
    expectedFallbacks: 0,
    wanBytes: 10 * mebibyte,
    limitedBy: "slots",
  });
  const [warning] = preview().models[0]?.warnings ?? [];
  t.match(warning, /take the WAN: 44 tries last for about 44 APs\. With "predownload distribution assigned" or "stream" none does\.$/);
  lab.do({ type: "group-set", group: "G", settings: { distribution: "assigned" } });
  t.match(preview(), { expectedSeconds: 10 + 33 * 600, models: [{ expectedFallbacks: 0, warnings: [] }] });
});

t.test("the group's serve rate is the forecast's, too", async (t) => {
  const lab = branchOf([{}, {}, {}, {}]);
  lab.do({ type: "group-set", group: "G", settings: { serveBytesPerSecondMax: mebibyte } });
  t.equal(previewOf(lab).expectedSeconds, 10 + 30, "three sessions share it");
});
