import t from "tap";
import { labTimings } from "../../../src/core/controller/timings.js";
import { branch, ControllerLab, mac } from "../../support/controller-lab.js";

/** AP 1 and 2 have an image in their backup slot, AP 3 has none, AP 4 knows the RFC alone. */
function labOfFour(): ControllerLab {
  const lab = new ControllerLab();
  lab.join({ number: 1, backup: "a" });
  lab.join({ number: 2, backup: "a" });
  lab.join({ number: 3 });
  lab.join({ number: 4, plain: true });
  return lab;
}

t.test("swap all: those with a backup image swap, the others are named", async (t) => {
  const lab = labOfFour();
  const request = lab.ask({ type: "ap-swap", ap: "all" });
  lab.answer(1);
  t.notOk(lab.replies.has(request), "the answer waits for the APs");
  lab.answer(2);
  t.match(lab.replies.get(request), {
    ok: true,
    value: {
      done: ["ap1", "ap2"],
      refused: [
        { ap: "ap3", code: "backup-empty" },
        { ap: "ap4", code: "not-capable" },
      ],
      pending: [],
    },
  });
  t.match(lab.row(1), { primaryImage: "9.0", backupImage: "8.0" }, "seen at once");
});

t.test("an AP's own refusal, and its silence", async (t) => {
  const lab = labOfFour();
  const refused = lab.ask({ type: "ap-swap", ap: "ap1" });
  lab.answer(1, 16, "backup-empty");
  t.match(lab.replies.get(refused), { ok: false, failure: { code: "backup-empty" } });
  t.match(lab.row(1), { primaryImage: "8.0", backupImage: "9.0" });
  const silent = lab.ask({ type: "ap-swap", ap: "ap2" });
  t.equal(lab.code({ type: "ap-swap", ap: "ap2" }), "ap-act-busy");
  lab.pass(10_000);
  t.match(lab.replies.get(silent), { ok: false, failure: { code: "ap-silent" } });
  lab.answer(2);
  t.match(lab.row(2), { primaryImage: "9.0" }, "late, but done");
});

t.test("order numbers are never used twice, not by the next life either", async (t) => {
  const lab = labOfFour();
  const numbers: number[] = [];
  const swap = () => {
    lab.ask({ type: "ap-swap", ap: "ap1" });
    const command = lab.answer(1);
    if (command.type === "swap") numbers.push(command.orderId);
  };
  swap();
  swap();
  lab.now += 2;
  lab.restart();
  lab.join({ number: 1, backup: "a" });
  swap();
  t.equal(new Set(numbers).size, 3, numbers.join(" "));
});

t.test("order numbers fit their field when the clock's low 32 bits begin again, and none is the 0 that means no order", async (t) => {
  const lab = labOfFour();
  lab.now = 2 ** 32 * 400 - 1;
  const numbers = ["ap1", "ap2"].map((ap, at) => {
    lab.ask({ type: "ap-swap", ap });
    const command = lab.answer(at + 1);
    return command.type === "swap" ? command.orderId : undefined;
  });
  t.same(numbers, [2 ** 32 - 1, 1]);
});

t.test("reset is for the version that boots next, and is confirmed by what the AP says on its return", async (t) => {
  const lab = labOfFour();
  lab.ask({ type: "ap-swap", ap: "ap1" });
  lab.answer(1);
  const request = lab.ask({ type: "ap-reset", ap: "all" });
  t.same(
    lab.told.map(({ command }) => command),
    ["9.0", "8.0", "8.0", "8.0"].map((version) => ({ type: "reset", version })),
  );
  for (const number of [1, 2, 3]) lab.answer(number);
  lab.answer(4, 10);
  t.match(lab.replies.get(request), {
    value: { done: ["ap1", "ap2", "ap3"], refused: [{ ap: "ap4", code: "ap-refused", message: /cannot reset/ }] },
  });
  lab.leave(1, 2, 3);
  lab.restart();
  const reset = (number: number) => lab.do({ type: "show-ap-summary" }).find((row) => row.mac === mac(number))?.reset;
  t.same(reset(1), { version: "9.0", state: "waiting" }, "remembered over a restart");
  lab.join({ number: 1, running: "9.0" });
  t.same(reset(1), { version: "9.0", state: "confirmed" });
  lab.join({ number: 2, running: "7.0" });
  t.same(reset(2), { version: "8.0", state: "unconfirmed" });
  lab.pass(60_000);
  t.same(reset(3), { version: "8.0", state: "unconfirmed" }, "never came back");
  t.same(reset(4), { version: "8.0", state: "unconfirmed" });
  t.same(
    lab.events.flatMap((event) => (event.type === "reset-unconfirmed" ? [event.reported] : [])),
    [null, "7.0", null],
  );
});

t.test("a reset is not waited for longer because the clock was set back while the controller was down", async (t) => {
  const lab = labOfFour();
  lab.ask({ type: "ap-reset", ap: "ap1" });
  lab.answer(1);
  lab.now -= 86_400_000;
  lab.restart();
  lab.pass(labTimings.resetRejoinMs + 1_000);
  t.match(lab.events.at(-1), { type: "reset-unconfirmed", mac: mac(1), reported: null });
});

t.test("a session that ends before the answer", async (t) => {
  const lab = labOfFour();
  const request = lab.ask({ type: "ap-reset", ap: "ap1" });
  const command = lab.told[0]?.command;
  if (command?.type === "reset") lab.domain.apAnswered(lab.now, mac(1), command, null);
  lab.drain();
  t.match(lab.replies.get(request), { failure: { code: "ap-silent" } });
});

t.test("a primary that others depend on is left alone, until the run is over", async (t) => {
  const lab = branch(2);
  lab.do({ type: "group-start", group: "G", release: "primary" });
  lab.report(1, "complete", { path: "wan" });
  t.equal(lab.code({ type: "ap-reset", ap: "ap1" }), "ap-busy");
  lab.report(2, "complete", { path: "lan" });
  lab.takeTold();
  lab.ask({ type: "ap-reset", ap: "ap1" });
  t.same(lab.takeTold(), ["1 reset 8.0"]);
});
