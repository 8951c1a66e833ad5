/** An image boots on trial until it has joined a controller; otherwise the AP goes back. */
import t from "tap";
import type { Sha256Hex } from "../../../src/base/sha256.js";
import { decideBoot } from "../../../src/core/ap/boot-choice.js";
import { BootTrial } from "../../../src/core/ap/boot-trial.js";
import type { BootRecord, SlotImage } from "../../../src/core/ap/contract.js";
import { emptyBootRecord, ImageSlots } from "../../../src/core/ap/image-slots.js";

const image = (version: string): SlotImage => ({
  version,
  sizeBytes: 1,
  sha256: version[0]?.repeat(64) as Sha256Hex,
  md5: "0".repeat(32),
  runId: 0,
});
const former = image("8.5");
const fresh = image("9.0");
const twoImages: BootRecord = { ...emptyBootRecord, bootSlot: "b", slots: { a: former, b: fresh } };
const confirmMs = 300_000;

/** The record after a reset into slot b, while slot a runs. */
function afterReset(): BootRecord {
  const running = new ImageSlots({ ...twoImages, bootSlot: "a" });
  return running.recordReset("b");
}

/** Boots from `record`; each wish is granted at once. */
function boot(record: BootRecord, now = 0) {
  const slots = new ImageSlots(record);
  const trial = new BootTrial(slots, confirmMs);
  const take = (wish: ReturnType<BootTrial["begin"]>): string | undefined => {
    if (wish === undefined) return undefined;
    const decision = decideBoot(slots, wish);
    if (decision.ok && decision.record) slots.replace(decision.record);
    return wish.type;
  };
  return { slots, trial, begun: take(trial.begin(now)), take };
}

t.test("only a reset into the other slot begins a trial", async (t) => {
  t.same(afterReset().trial, { slot: "b", boots: 0 });
  t.equal(new ImageSlots({ ...twoImages, bootSlot: "b" }).recordReset("b").trial, undefined, "the image that runs");
  const one = new ImageSlots({ ...twoImages, bootSlot: "a", slots: { a: null, b: fresh } });
  t.equal(one.recordReset("b").trial, undefined, "there is nothing to go back to");
});

t.test("a join confirms the image", async (t) => {
  const { slots, trial, begun, take } = boot(afterReset());
  t.equal(begun, "count-boot");
  t.ok(trial.isOpen);
  t.equal(take(trial.wake(confirmMs - 1)), undefined);
  t.equal(take(trial.joined()), "confirm");
  t.notOk(trial.isOpen);
  t.equal(trial.nextWakeAt(), undefined);
  t.same(slots.record, { ...twoImages, controllerResets: 1 });
  t.equal(boot(slots.record).begun, undefined, "the next boot is none on trial");
});

t.test("without one the AP goes back and says why until it has joined", async (t) => {
  const { slots, trial, take } = boot(afterReset());
  t.equal(trial.nextWakeAt(), confirmMs);
  t.equal(take(trial.wake(confirmMs)), "roll-back");
  const rolledBack = { version: "9.0", detail: "it joined no controller within 300 s" };
  t.same(slots.record, { ...twoImages, bootSlot: "a", controllerResets: 1, rolledBack });
  const back = boot(slots.record);
  t.equal(back.slots.running, "a");
  t.notOk(back.trial.isOpen);
  t.equal(back.take(back.trial.joined()), "confirm");
  t.same(back.slots.record, { ...twoImages, bootSlot: "a", controllerResets: 1 });
});

t.test("a record that cannot be saved is tried again", async (t) => {
  const { trial } = boot(afterReset());
  t.equal(trial.wake(confirmMs)?.type, "roll-back");
  t.equal(trial.wake(confirmMs + 1), undefined);
  t.equal(trial.wake(confirmMs + 10_000)?.type, "roll-back");
});

t.test("an image that keeps restarting gets three boots", async (t) => {
  let record = afterReset();
  for (const attempt of [1, 2, 3]) {
    const { slots, begun } = boot(record);
    t.equal(begun, "count-boot");
    record = slots.record;
    t.same(record.trial, { slot: "b", boots: attempt });
  }
  const { slots, begun } = boot(record);
  t.equal(begun, "roll-back");
  t.match(slots.record, { bootSlot: "a", rolledBack: { detail: "it restarted 3 times without joining a controller" } });
});

t.test("with nothing left to go back to it stays", async (t) => {
  const { slots, trial, take } = boot({ ...afterReset(), slots: { a: null, b: fresh } });
  t.equal(take(trial.wake(confirmMs)), "roll-back");
  t.match(slots.record, { bootSlot: "b", trial: undefined, rolledBack: undefined });
});

t.test("a slot that is corrupt at its first boot has lost its trial", async (t) => {
  const { slots, begun, trial } = boot({ ...afterReset(), slots: { a: former, b: null } });
  t.equal(slots.running, "a");
  t.equal(begun, "roll-back");
  t.notOk(trial.isOpen);
  t.match(slots.record, { bootSlot: "a", rolledBack: { detail: "its slot could not be booted" } });
});
