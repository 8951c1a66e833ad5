/** The controller's own file is damaged: no AP is to pay for it. */
import t from "tap";
import { branch, type ControllerLab, digest, image, mac, servingBranch, start } from "../../../support/controller-lab.js";

const checked = (lab: ControllerLab, fault: string | null) => {
  lab.domain.imageChecked(lab.now, digest("a"), fault, null);
  lab.drain();
};
const dueChecks = (lab: ControllerLab): string[] => lab.checks.splice(0);

t.test("known before the start: refused, and the file is named", async (t) => {
  const lab = branch(2);
  checked(lab, "its SHA-256 is 00ff");
  const refused = lab.try(start);
  t.match(refused, { failure: { code: "image-damaged", message: new RegExp(`images/${digest("a")}: its SHA-256 is 00ff`) } });
  t.match(lab.do({ type: "group-preview", group: "G", release: "primary" }).objection, { code: "image-damaged" });
  t.equal(lab.code({ type: "ap-predownload", ap: mac(1), release: "primary" }), "image-damaged");
  lab.do({ type: "image-add", image: image() });
  t.equal(lab.code(start), "ok", "the file was stored again");
});

t.test("checked at the start and at the first mismatch over the WAN", async (t) => {
  const lab = branch(2);
  lab.do(start);
  t.same(dueChecks(lab), [digest("a")]);
  lab.fail(1, "checksum-mismatch");
  t.same(dueChecks(lab), [digest("a")]);
  const serving = servingBranch(2);
  dueChecks(serving);
  serving.report(2, "failed", { path: "lan", reason: "checksum-mismatch" });
  t.same(dueChecks(serving), [], "a mismatch over the LAN says nothing about the controller's file");
});

t.test("found while the primary fetches: the run ends, and says why", async (t) => {
  const lab = branch(3);
  lab.do(start);
  lab.takeTold();
  checked(lab, "it cannot be read: EIO");
  t.same(lab.takeTold(), ["1 abort"]);
  t.match(lab.group().run, { state: "failed", counts: { Failed: 3 } });
  for (const { detail } of lab.do({ type: "show-runs", group: "G" })[0]?.aps ?? [])
    t.match(detail, /file images\/a{64} is damaged: it cannot be read: EIO/);
  t.match(
    lab.events.findLast(({ type }) => type === "image-damaged"),
    { sha256: digest("a") },
  );
});

t.test("found while a verified copy is served: the LAN continues, the WAN does not", async (t) => {
  const lab = servingBranch(4);
  lab.report(2, "needs-wan", { path: "lan", tries: 44, reason: "primary-busy" });
  lab.takeTold();
  checked(lab, "it is short");
  t.same(lab.takeTold(), ["2 abort"]);
  lab.report(3, "complete", { path: "lan", lanBytes: 1000 });
  lab.report(4, "needs-wan", { path: "lan", tries: 44, reason: "primary-busy" });
  t.match(lab.group().run, { state: "partial", counts: { Complete: 2, Failed: 2 } });
  t.same(lab.takeTold(), []);
});

t.test("a sound file changes nothing", async (t) => {
  const lab = branch(2);
  lab.do(start);
  checked(lab, null);
  t.same(lab.takeTold(), ["1 primary"]);
  t.equal(lab.group().run?.state, "running");
});
