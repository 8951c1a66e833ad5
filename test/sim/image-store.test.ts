import t from "tap";
import type { ApInput } from "../../src/core/ap/contract.js";
import { ImageStore, type StorageEffect } from "../../src/sim/image-store.js";
import { SyntheticImage, strangeDigest } from "../../src/sim/synthetic-image.js";
import { VirtualFile } from "../../src/sim/virtual-file.js";
import { type Actor, World } from "../../src/sim/world.js";

const old = new SyntheticImage("old", 200_000);
const wanted = new SyntheticImage("wanted", 300_000);

function lab(seed = 1, capacityBytes = 1_000_000) {
  const world = new World(seed);
  const speed = { openMs: 1, writeMs: 1, verifyMs: 10, syncMs: 5 };
  const store = new ImageStore(world, "ap", { known: [old, wanted], factory: { image: old, version: "1.0" }, capacityBytes, speed });
  store.boot();
  const answers: ApInput[] = [];
  const agent: Actor<ApInput> = {
    name: "agent",
    alive: true,
    take: (input) => {
      answers.push(input);
    },
  };
  const run = (...effects: StorageEffect[]): ApInput[] => {
    answers.length = 0;
    for (const effect of effects) store.perform(effect, agent);
    world.runFor(10_000);
    return [...answers];
  };
  return { world, store, run, agent };
}

const open = (downloadId: number, resume = false, slot: "a" | "b" = "b"): StorageEffect => ({
  type: "open-download",
  downloadId,
  slot,
  version: "2.0",
  sizeBytes: wanted.sizeBytes,
  sha256: wanted.sha256,
  resume,
});

const chunks = (downloadId: number, from = 0, to = wanted.sizeBytes): StorageEffect[] => {
  const effects: StorageEffect[] = [];
  for (let offset = from; offset < to; offset += 50_000)
    effects.push({ type: "write-chunk", downloadId, offset, bytes: wanted.range(offset, Math.min(50_000, to - offset)) });
  return effects;
};

const slotImage = { version: "2.0", sizeBytes: wanted.sizeBytes, sha256: wanted.sha256, md5: wanted.md5, runId: 1 };

t.test("a synthetic image: ranges are views, and content knows its place", async (t) => {
  t.same(wanted.range(65_521 + 7, 100), wanted.range(7, 100));
  t.ok(wanted.matches(1024, wanted.range(1024, 1024)));
  t.notOk(wanted.matches(1024, wanted.range(2048, 1024)));
  t.notOk(wanted.matches(0, old.range(0, 1024)));
  t.notOk(wanted.matches(wanted.sizeBytes - 10, wanted.range(0, 20)));
  t.equal(wanted.range(65_000, 65_536).length, 65_536);
  t.match(wanted.sha256, /^[0-9a-f]{64}$/);
  t.throws(() => wanted.range(wanted.sizeBytes - 1, 2));
});

t.test("a virtual file knows its image by content alone", async (t) => {
  const file = new VirtualFile([old, wanted]);
  file.write(100_000, wanted.range(100_000, 20_000));
  t.ok(file.mayBe(wanted));
  t.notOk(file.mayBe(old));
  t.equal(file.image(), undefined);
  t.same(file.digest(), strangeDigest);
  for (let offset = 0; offset < wanted.sizeBytes; offset += 50_000) file.write(offset, wanted.range(offset, 50_000));
  t.equal(file.image(), wanted);
  t.equal(file.digest().sha256, wanted.sha256);
  t.same(file.read(5, 10), wanted.range(5, 10));
  const spoiled = new VirtualFile([wanted]);
  for (let offset = 0; offset < wanted.sizeBytes; offset += 50_000) spoiled.write(offset, wanted.range(offset, 50_000));
  spoiled.write(17, Uint8Array.of(1, 2, 3));
  t.equal(spoiled.image(), undefined);
});

t.test("a whole download", async (t) => {
  const { store, run } = lab();
  t.same(run(open(1)), [{ type: "download-opened", downloadId: 1, resumeOffset: 0, freeBytes: 800_000 }]);
  t.equal(run(...chunks(1)).length, 6);
  t.same(run({ type: "verify-download", downloadId: 1 }), [
    { type: "download-verified", downloadId: 1, sizeBytes: wanted.sizeBytes, sha256: wanted.sha256, md5: wanted.md5 },
  ]);
  t.equal(store.slotImage("b"), undefined);
  const record = { ...store.record, slots: { ...store.record.slots, b: slotImage } };
  t.same(run({ type: "commit-slot", downloadId: 1, slot: "b", record }), [{ type: "slot-committed", downloadId: 1, freeBytes: 500_000 }]);
  t.equal(store.slotImage("b"), wanted);
  t.same(store.boot().record.slots.b, slotImage);
  t.equal(store.runningSlotWrites, 0);
});

t.test("disk full: at once where the size tells it, else at the write that does not fit", async (t) => {
  const early = lab(1, 499_999);
  t.match(early.run(open(1)), [{ type: "storage-failed", reason: "not-enough-flash", detail: "1 bytes short" }]);
  const late = lab();
  late.run(open(1));
  late.store.capacityBytes = 320_000;
  const answers = late.run(...chunks(1));
  t.match(answers[2], { type: "storage-failed", reason: "not-enough-flash" });
  t.equal(answers.length, 3, "the download is gone, and what is meant for it is void");
  t.equal(late.store.freeBytes, 120_000);
  t.equal(late.store.slotImage("a"), old);
});

t.test("worn-out flash", async (t) => {
  const { store, run } = lab();
  run(open(1));
  store.writesToFail = 1;
  t.match(run(...chunks(1).slice(0, 1)), [{ type: "storage-failed", reason: "flash-write-error" }]);
});

t.test("the running slot is watched", async (t) => {
  const { store, run } = lab();
  run(open(1, false, "a"));
  t.equal(store.runningSlotWrites, 1);
});

t.test("a broken download continues where it was, for the same image alone", async (t) => {
  const { run } = lab();
  run(open(1, true), ...chunks(1, 0, 150_000), { type: "discard-download", downloadId: 1, keepPartial: true });
  t.same(run(open(2, true)), [{ type: "download-opened", downloadId: 2, resumeOffset: 150_000, freeBytes: 800_000 }]);
  run({ type: "discard-download", downloadId: 2, keepPartial: true });
  t.same(run({ ...open(3, true), sha256: old.sha256 } as StorageEffect), [
    { type: "download-opened", downloadId: 3, resumeOffset: 0, freeBytes: 800_000 },
  ]);
  t.same(run(open(4)), [{ type: "download-opened", downloadId: 4, resumeOffset: 0, freeBytes: 800_000 }]);
});

t.test("a power cut: unsynced bytes may go, records change whole or not at all, nothing is answered", async (t) => {
  const resumed = new Set<boolean>();
  const committed = new Set<boolean>();
  for (let seed = 0; seed < 30; seed++) {
    const { world, store, run, agent } = lab(seed);
    run(open(1, true), ...chunks(1, 0, 150_000));
    store.crash();
    const [opened] = run(open(2, true));
    if (opened?.type !== "download-opened") throw new Error("not opened");
    t.ok(opened.resumeOffset <= 150_000);
    resumed.add(opened.resumeOffset === 150_000);
    run(...chunks(2, opened.resumeOffset), { type: "verify-download", downloadId: 2 });
    const record = { ...store.record, slots: { ...store.record.slots, b: slotImage } };
    const answers: ApInput[] = [];
    const dead: Actor<ApInput> = {
      name: "dead",
      alive: false,
      take: (input) => {
        answers.push(input);
      },
    };
    store.perform({ type: "commit-slot", downloadId: 2, slot: "b", record }, dead);
    store.crash();
    world.runFor(1000);
    t.same(answers, []);
    committed.add(store.slotImage("b") === wanted);
    t.equal(store.slotImage("b") === wanted, store.record.slots.b !== null);
    t.equal(store.slotImage("a"), old);
    t.same(store.boot().corrupt, []);
    t.equal(agent.alive, true);
  }
  t.equal(committed.size, 2);
  t.ok(resumed.has(false));
});

t.test("a record that lies about its slot is found out at boot", async (t) => {
  const { store, run } = lab();
  run({ type: "save-boot-record", record: { ...store.record, slots: { ...store.record.slots, b: slotImage } } });
  const state = store.boot();
  t.same(state.corrupt, ["b"]);
  t.equal(state.record.slots.b, null);
});
