import t from "tap";
import { resultCodes } from "../../../src/wire/capwap/result-code.js";
import { branch, ControllerLab, digest, image, mac, start } from "../../support/controller-lab.js";

/** Two APs of a group that are upgraded to 9.0. */
function upgraded(): ControllerLab {
  const lab = branch(2);
  lab.do(start);
  lab.report(1, "complete", { path: "wan" });
  lab.report(2, "complete", { path: "lan" });
  for (const number of [1, 2]) lab.join({ number });
  lab.takeTold();
  return lab;
}

t.test("a swap names the image of the last run, and done twice it stays done", async (t) => {
  const lab = upgraded();
  const first = lab.ask({ type: "ap-swap", ap: "all" });
  t.match(lab.told, [{ command: { type: "swap", sha256: digest("a") } }, { command: { type: "swap", sha256: digest("a") } }]);
  for (const number of [1, 2]) lab.answer(number);
  t.match(lab.replies.get(first), {
    value: {
      done: ["ap1", "ap2"],
      boots: [
        { ap: "ap1", version: "9.0" },
        { ap: "ap2", version: "9.0" },
      ],
    },
  });
  const again = lab.ask({ type: "ap-swap", ap: "all" });
  t.same(lab.takeTold(), [], "no AP is asked");
  t.match(lab.replies.get(again), { value: { done: ["ap1", "ap2"], refused: [] } });
  t.match(lab.row(1), { primaryImage: "9.0", backupImage: "8.0" });
});

t.test("once a reset has activated the image a swap is a rollback; a new run, or an upgrade of others, is none", async (t) => {
  const lab = upgraded();
  const act = (type: "ap-swap" | "ap-reset"): void => {
    lab.ask({ type, ap: "all" });
    for (const number of [1, 2]) lab.answer(number);
  };
  act("ap-swap");
  act("ap-reset");
  const { primary, backup, ...rest } = lab.inventory({ number: 1 });
  const booted = { ...rest, primary: backup, backup: primary, running: "primary" as const };
  for (const number of [1, 2]) {
    lab.leave(number);
    lab.join({ number, running: "9.0" });
    lab.domain.apInventory(lab.now, mac(number), booted);
  }
  lab.takeTold();
  lab.do(start);
  for (const number of [1, 2]) lab.answer(number, resultCodes.imageAlreadyPresent);
  t.equal(lab.group().run?.state, "complete");
  lab.takeTold();
  lab.ask({ type: "ap-swap", ap: "all" });
  t.same(lab.takeTold(), [], "the same steps once more do not lead back");
  lab.now++;
  lab.ask({ type: "ap-reset", ap: "ap1" });
  lab.answer(1);
  lab.leave(1);
  lab.join({ number: 1, running: "9.0" });
  lab.domain.apInventory(lab.now, mac(1), booted);
  lab.takeTold();
  lab.ask({ type: "ap-swap", ap: "ap1" });
  t.match(lab.told, [{ mac: mac(1), command: { type: "swap" } }]);
  lab.answer(1);
  t.match(lab.row(1), { primaryImage: "8.0", backupImage: "9.0" });
  const again = lab.ask({ type: "ap-swap", ap: "ap1" });
  t.match(lab.replies.get(again), { value: { boots: [{ ap: "ap1", version: "8.0" }] } }, "asked twice it is done once");
});

t.test("swap and reset of all APs, done twice, lead back to an image of a release and to no other", async (t) => {
  const factory = digest("1");
  for (const isListed of [false, true]) {
    const lab = upgraded();
    if (isListed) lab.do({ type: "image-add", image: image({ version: "8.0", release: "backup", sha256: factory }) });
    lab.ask({ type: "ap-swap", ap: "all" });
    for (const number of [1, 2]) lab.answer(number);
    lab.now++;
    lab.ask({ type: "ap-reset", ap: "all" });
    for (const number of [1, 2]) lab.answer(number);
    const { primary, backup, ...rest } = lab.inventory({ number: 1 });
    for (const number of [1, 2]) {
      lab.leave(number);
      lab.join({ number, running: "9.0" });
      lab.domain.apInventory(lab.now, mac(number), { ...rest, primary: backup, backup: primary, running: "primary" });
    }
    lab.takeTold();
    const again = lab.ask({ type: "ap-swap", ap: "all" });
    t.same(lab.takeTold(), isListed ? ["1 swap", "2 swap"] : []);
    if (!isListed) t.match(lab.replies.get(again), { value: { refused: [], boots: [{ version: "9.0" }, { version: "9.0" }] } });
  }
});

t.test("the AP's own inventory may come before its answer", async (t) => {
  const lab = upgraded();
  lab.ask({ type: "ap-swap", ap: "ap1" });
  const { primary, backup, ...rest } = lab.inventory({ number: 1 });
  lab.domain.apInventory(lab.now, mac(1), { ...rest, primary: backup, backup: primary, running: "backup" });
  lab.answer(1);
  t.match(lab.row(1), { primaryImage: "9.0", backupImage: "8.0" });
  lab.ask({ type: "ap-reset", ap: "ap1" });
  t.same(lab.takeTold(), ["1 reset 9.0"]);
});

t.test("an AP that does not hold its last run's image is skipped with a reason", async (t) => {
  const lab = branch(1);
  lab.do(start);
  lab.join({ number: 1, backup: "c" });
  lab.fail(1, "checksum-mismatch");
  lab.do({ type: "group-abort", group: "G" });
  lab.takeTold();
  t.match(lab.try({ type: "ap-swap", ap: "ap1" }), { failure: { code: "image-not-held", message: /its last upgrade/ } });
  t.same(lab.takeTold(), []);
  lab.ask({ type: "ap-swap", ap: "ap1", force: true });
  t.same(lab.takeTold().length, 1, "force exchanges the images all the same");
});

t.test("a swap to an older version takes force", async (t) => {
  const lab = new ControllerLab();
  lab.join({ number: 1, backup: "a", running: "9.1" });
  t.match(lab.try({ type: "ap-swap", ap: "ap1" }), {
    failure: { code: "swap-goes-back", message: /runs 9\.1 and its backup image 9\.0 is older/ },
  });
  lab.ask({ type: "ap-swap", ap: "ap1", force: true });
  t.match(lab.told, [{ command: { type: "swap", sha256: digest("a") } }]);
});

t.test("what is called complete is compared with what the AP holds", async (t) => {
  const lab = upgraded();
  t.equal(lab.row(2).status, "Complete");
  lab.leave(2);
  lab.join({ number: 2, backup: "" });
  t.match(lab.row(2), { status: "Failed", failureReason: "image-unknown" });
  t.equal(lab.do({ type: "show-ap-image", ap: "all" }).counts.completedPredownloading, 1);
});

t.test("a subordinate that lost its copy during the run fetches it again", async (t) => {
  const lab = branch(3);
  lab.do(start);
  lab.report(1, "complete", { path: "wan" });
  lab.answer(2);
  lab.report(2, "complete", { path: "lan" });
  lab.leave(2);
  lab.takeTold();
  lab.join({ number: 2, backup: "" });
  t.ok(
    lab.told.some(({ mac: to, command }) => to === mac(2) && command.type === "upgrade"),
    "it is ordered again",
  );
  lab.report(3, "complete", { path: "lan" });
  t.equal(lab.group().run?.state, "running", "the run waits for it");
});

t.test("counts are of joined APs, and a name means its joined bearer", async (t) => {
  const lab = new ControllerLab();
  lab.join({ number: 1, name: "BR1", backup: "a" });
  lab.leave(1);
  lab.join({ number: 2, name: "BR1", backup: "a" });
  const view = lab.do({ type: "show-ap-image", ap: "all" });
  t.same([view.total, view.aps.map(({ joined }) => joined)], [1, [false, true]]);
  lab.ask({ type: "ap-swap", ap: "BR1" });
  t.same(
    lab.told.map(({ mac: to }) => to),
    [mac(2)],
  );
});

t.test("an AP that is gone can be forgotten, a joined one cannot", async (t) => {
  const lab = branch(2);
  lab.leave(2);
  t.equal(lab.code({ type: "ap-forget", ap: "ap1" }), "ap-joined");
  t.same(lab.do({ type: "ap-forget", ap: "ap2" }), null);
  t.equal(lab.code({ type: "ap-forget", ap: "ap2" }), "unknown-ap");
  t.same(lab.do({ type: "show-group", group: "G" }).aps.length, 1, "it leaves its group");
  t.same(lab.do({ type: "show-ap-summary" }).length, 1);
});

t.test("a second device with a joined AP's MAC address waits, and is named once", async (t) => {
  const lab = branch(1);
  const clone = { mac: mac(1), serial: "CLONE", peer: { address: "10.9.9.9", port: 5 } };
  for (let tries = 0; tries < 3; tries++) t.ok(lab.domain.hasRival(clone));
  lab.drain();
  const named = lab.events.filter(({ type }) => type === "duplicate-mac");
  t.match(named, [{ mac: mac(1), serial: "S1", otherSerial: "CLONE", otherFrom: { address: "10.9.9.9" } }]);
  t.equal(named.length, 1);
  t.notOk(lab.domain.hasRival({ ...clone, serial: "S1" }), "the same device comes back");
  lab.leave(1);
  t.notOk(lab.domain.hasRival(clone), "its turn once the other is gone");
});

t.test("an image that APs fetch before they serve is in use", async (t) => {
  const lab = new ControllerLab({ downloadAtJoin: true });
  const { id } = lab.do({ type: "image-add", image: image() });
  lab.domain.downloadsAtJoin.set(mac(1), digest("a"));
  t.equal(lab.do({ type: "show-ap-image", ap: "all" }).counts.downloading, 1, "it is counted before it serves");
  t.equal(lab.code({ type: "image-remove", imageId: id }), "image-in-use");
  lab.domain.downloadsAtJoin.delete(mac(1));
  t.equal(lab.code({ type: "image-remove", imageId: id }), "ok");
});
