import t from "tap";
import { ControllerLab, digest, image, mac } from "../../support/controller-lab.js";

/** A group with APs of these models, numbered from 1. */
function branchOf(models: readonly string[]): ControllerLab {
  const lab = new ControllerLab();
  lab.do({ type: "group-add", group: "G" });
  lab.do({ type: "group-predownload", group: "G", enabled: true });
  for (const [index, model] of models.entries()) {
    lab.join({ number: index + 1, model });
    lab.do({ type: "group-ap-add", group: "G", mac: mac(index + 1) });
  }
  return lab;
}

const orderedImages = (lab: ControllerLab) =>
  Object.fromEntries(
    lab.told.flatMap(({ mac: ap, command }) => (command.type === "upgrade" && command.image ? [[ap, command.image.sha256]] : [])),
  );

t.test("each model gets the image that was added for it, whatever a table says", async (t) => {
  const lab = branchOf(["AIR-CAP2602I-E-K9", "AIR-CAP3702I-E-K9", "AIR-CAP1702I-E-K9"]);
  lab.do({ type: "image-add", image: image({ models: ["AIR-CAP3702I"], sha256: digest("c") }) });
  t.match(lab.do({ type: "image-add", image: image({ models: ["AIR-CAP2602I"], sha256: digest("d") }) }), { replaced: [] });
  t.match(lab.do({ type: "image-add", image: image({ models: ["AIR-CAP1702I"], sha256: digest("e") }) }), { replaced: [] });
  t.equal(lab.do({ type: "show-images" }).length, 3);
  lab.do({ type: "group-start", group: "G", release: "primary" });
  t.same(orderedImages(lab), { [mac(1)]: digest("d"), [mac(2)]: digest("c"), [mac(3)]: digest("e") });
});

t.test("one image for several models is one family: one AP fetches over the WAN", async (t) => {
  const lab = branchOf(["C9105AXI-B", "C9105AXI-E", "C9105AXW-E", "CW9164I-ROW"]);
  lab.do({ type: "image-add", image: image({ models: ["C9105AXI", "C9105AXW-E", "CW9164I"] }) });
  lab.do({ type: "group-start", group: "G", release: "primary" });
  t.same(Object.keys(orderedImages(lab)), [mac(1)]);
  t.match(lab.group().models, [{ models: ["C9105AXI-B", "C9105AXI-E", "C9105AXW-E", "CW9164I-ROW"] }]);
});

t.test("an AP whose model no pattern names gets nothing", async (t) => {
  const lab = branchOf(["AIR-AP2802I", "AIR-AP3802I"]);
  const added = lab.do({ type: "image-add", image: image({ models: ["AIR-AP2802I"] }) });
  t.same(added.suggested, [{ model: "AIR-AP3802I", apCount: 1 }], "but is suggested");
  lab.do({ type: "group-start", group: "G", release: "primary" });
  t.same(Object.keys(orderedImages(lab)), [mac(1)]);
  t.equal(lab.row(2).status, "NotSupported");
});

t.test("the longest pattern wins, and an added image takes over what it covers", async (t) => {
  const lab = branchOf(["C9105AXI-B", "C9105AXW-B"]);
  lab.do({ type: "image-add", image: image({ models: ["C9105AX"], sha256: digest("c"), version: "1" }) });
  t.match(lab.do({ type: "image-add", image: image({ models: ["C9105AXW"], sha256: digest("d"), version: "2" }) }), { replaced: [] });
  lab.do({ type: "group-start", group: "G", release: "primary" });
  t.same(orderedImages(lab), { [mac(1)]: digest("c"), [mac(2)]: digest("d") });
  lab.do({ type: "group-abort", group: "G" });
  const wide = lab.do({ type: "image-add", image: image({ models: ["C9105"], sha256: digest("e"), version: "3" }) });
  t.same(wide.replaced, [
    { id: `primary-${"c".repeat(12)}`, version: "1", models: ["C9105AX"], removed: true },
    { id: `primary-${"d".repeat(12)}`, version: "2", models: ["C9105AXW"], removed: true },
  ]);
});

t.test("two images in one document that claim the same models are refused, both named", async (t) => {
  const lab = branchOf(["AIR-AP2802I"]);
  for (const [letter, release] of [
    ["c", "primary"],
    ["d", "backup"],
  ] as const)
    lab.do({ type: "image-add", image: image({ models: ["AIR-AP2802I"], sha256: digest(letter), release }) });
  const { groups, releases } = lab.do({ type: "show-config" });
  const both = [...releases.primary, ...releases.backup].map((entry, index) => ({ ...entry, models: [`AIR-AP2802I-${"AB"[index]}`] }));
  t.match(lab.try({ type: "config-replace", groups, releases: { primary: both, backup: [] }, check: false }), {
    failure: { code: "bad-image", message: /by "AIR-AP2802I-A" and by "AIR-AP2802I-B"/ },
  });
});

t.test("an AP that joins a running group takes the family of its image", async (t) => {
  const lab = branchOf(["C9105AXI-B"]);
  lab.do({ type: "image-add", image: image({ models: ["C9105AX"] }) });
  lab.do({ type: "group-start", group: "G", release: "primary" });
  lab.join({ number: 2, model: "C9105AXW-E" });
  lab.do({ type: "group-ap-add", group: "G", mac: mac(2) });
  t.match(lab.group().models, [{ models: ["C9105AXI-B", "C9105AXW-E"] }]);
  t.equal(lab.group().models.length, 1);
});
