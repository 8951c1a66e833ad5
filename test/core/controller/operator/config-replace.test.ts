import t from "tap";
import { failure } from "../../../../src/base/failure.js";
import type { ReleaseImage, ReleasesConfig } from "../../../../src/core/controller/operator/release-config.js";
import { branch, ControllerLab, digest, image, start } from "../../../support/controller-lab.js";

const listed = (change: Partial<ReleaseImage> = {}): ReleaseImage => {
  const { release: _, md5: _md5, ...facts } = image();
  return { ...facts, ...change };
};
const replace = (releases: ReleasesConfig, check = false) => ({ type: "config-replace", releases, groups: [], check }) as const;
const second = listed({ version: "9.1", models: ["ap3g3"], sha256: digest("c"), fileName: "ap3g3.img" });
const configOf = (lab: ControllerLab) => lab.do({ type: "show-config" });
t.test("a wiped controller gets back what it had, whatever the order and the place its images were added in", async (t) => {
  const lab = branch(2);
  lab.now++;
  lab.do({ type: "image-add", image: { ...second, release: "primary", md5: "b".repeat(32) } });
  lab.do({ type: "image-add", image: image({ version: "8.0", sha256: digest("d"), release: "backup" }) });
  const kept = configOf(lab);
  t.same(kept.releases, {
    primary: [listed(), second],
    backup: [listed({ version: "8.0", sha256: digest("d") })],
  });

  const wiped = new ControllerLab();
  for (const [letter, models] of [
    ["d", "x1"],
    ["c", "x2"],
    ["a", "x3"],
  ] as const) {
    wiped.do({ type: "image-add", image: image({ version: "1", models: [models], sha256: digest(letter), fileName: "other.img" }) });
    wiped.now++;
  }
  const check = wiped.do({ type: "config-replace", ...kept, check: true });
  t.same(configOf(wiped).groups, [], "a check changes nothing");
  t.same(configOf(wiped).releases.primary.length, 3);
  t.same(wiped.do({ type: "config-replace", ...kept, check: false }), check);
  t.same(configOf(wiped), kept);
  t.same(wiped.do({ type: "show-boot" }), { primary: "9.1", backup: "8.0" });
  t.same(wiped.gone, [], "every file is still held");
  t.same(wiped.do({ type: "config-replace", ...kept, check: false }), { changes: [] }, "again changes nothing");
  wiped.restart();
  t.same(configOf(wiped), kept, "it is in the store");
});

t.test("differences of releases are lines for people", async (t) => {
  const lab = new ControllerLab();
  lab.do({ type: "image-add", image: image() });
  lab.now++;
  lab.do({ type: "image-add", image: { ...second, release: "primary", md5: "b".repeat(32) } });
  const [a, c] = [`primary-${"a".repeat(12)}`, `primary-${"c".repeat(12)}`];
  t.same(lab.do(replace({ primary: [second, listed({ version: "9.0.1" })], backup: [] }, true)), {
    changes: [`~ image ${a}: version 9.0 -> 9.0.1`, `~ release primary: order [${a} ${c}] -> [${c} ${a}]`],
  });
  t.same(lab.do(replace({ primary: [second], backup: [] })), { changes: [`- image ${a}`] });
  t.same(lab.gone, [digest("a")], "a file that no release holds is deleted");
  const backup = `backup-${"c".repeat(12)}`;
  t.same(lab.do(replace({ primary: [], backup: [second] })).changes, [
    `- image ${c}`,
    `+ image ${backup}`,
    `+ image ${backup}: version 9.1`,
    `+ image ${backup}: models [ap3g3]`,
    `+ image ${backup}: fileName ap3g3.img`,
    `+ image ${backup}: sizeBytes 1000`,
    `+ image ${backup}: sha256 ${digest("c")}`,
  ]);
  t.same(lab.gone, [digest("a")], "the other release holds the file now");
});

t.test("an image that the controller lacks refuses the whole document and says how to bring it", async (t) => {
  const lab = branch(1);
  const before = configOf(lab);
  const lacking = listed({ version: "9.1", models: ["AIR-AP2802I", "my model"], sha256: digest("e"), fileName: "new.img" });
  t.same(
    lab.try(replace({ primary: [lacking], backup: [lacking] })),
    failure(
      "image-missing",
      `The controller lacks image 9.1 for AIR-AP2802I, my model with SHA-256 ${digest("e")} and 1 more; ` +
        "run flexup image add new.img --version 9.1 --models 'AIR-AP2802I,my model' --release primary and import again.",
    ),
  );
  t.same(configOf(lab), before);
  t.same(lab.gone, []);
});

t.test("one wrong image refuses the whole document", async (t) => {
  const lab = branch(1);
  const before = configOf(lab);
  for (const primary of [
    [listed({ sizeBytes: 999 })],
    [listed({ version: "9 0" })],
    [listed({ version: "9.0a" })],
    [listed({ fileName: "../a" })],
    [listed(), listed({ models: ["ap3g3"] })],
  ]) {
    t.equal(lab.code(replace({ primary, backup: [] })), "bad-image");
  }
  lab.do({ type: "image-add", image: image({ sha256: digest("c"), release: "backup" }) });
  t.equal(lab.code(replace({ primary: [listed(), listed({ sha256: digest("c") })], backup: [] })), "bad-image", "two for one family");
  t.same(configOf(lab).releases.primary, before.releases.primary);
  t.equal(
    lab.code({ type: "config-replace", releases: { primary: [], backup: [] }, groups: [...before.groups, ...before.groups], check: false }),
    "group-exists",
  );
  t.same(configOf(lab).releases.primary, before.releases.primary, "a wrong group leaves the images too");
});

t.test("an image in use may stay but not change or go", async (t) => {
  const lab = branch(1);
  lab.do(start);
  const { groups } = configOf(lab);
  const code = (primary: readonly ReleaseImage[]) =>
    lab.code({ type: "config-replace", releases: { primary, backup: [] }, groups, check: false });
  t.equal(code([]), "image-in-use");
  t.equal(code([listed({ fileName: "other.img" })]), "image-in-use");
  t.same(lab.do({ type: "config-replace", releases: { primary: [listed()], backup: [listed()] }, groups, check: false }).changes.length, 6);
});

t.test("a document without releases leaves them", async (t) => {
  const lab = branch(1);
  const { releases } = configOf(lab);
  t.same(lab.do({ type: "config-replace", groups: [], check: false }), { changes: ["- group G"] });
  t.same(configOf(lab).releases, releases);
});
