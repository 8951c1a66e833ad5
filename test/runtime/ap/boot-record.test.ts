/** What an AP makes of a boot record, its copy and the slots' labels when some of them, or an image, are damaged. */
import { join } from "node:path";
import t from "tap";
import type { BootRecord } from "../../../src/core/ap/contract.js";
import { slotToBoot } from "../../../src/core/ap/image-slots.js";
import { Flash, folder, makeImage } from "../../support/flash.js";
import { MemoryDisk } from "../../support/memory-disk.js";

t.test("a flipped bit makes a slot unbootable, and the other one boots", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const { record } = await flash.fetch(makeImage("8.6", 50_000), "b", flash.state.record);
  await flash.saveRecord({ ...record, bootSlot: "b" });
  const after = disk.reborn("lasting");
  after.flipBit(flash.files.slotPath("b"), 49_999);
  const { state } = await Flash.open(after);
  t.same(state.corrupt, ["b"]);
  t.equal(slotToBoot(state.record), "a");
  t.equal(state.record.slots.b, null);
});

const recordPath = join(folder, "boot.json");
const copyPath = join(folder, "boot-copy.json");

t.test("a damaged boot record: the AP comes up with what its slots say, and the record is whole again", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const { record } = await flash.fetch(makeImage("8.6", 50_000), "b", flash.state.record);
  const swapped = { ...record, bootSlot: "b", swapOrderId: 9 } as const;
  await flash.saveRecord(swapped);
  for (const damage of ["flipped bit", "gone", "empty", "unreadable"] as const) {
    const after = disk.reborn("lasting");
    if (damage === "flipped bit") after.flipBit(recordPath, 100);
    else if (damage === "gone") await after.remove(recordPath);
    else if (damage === "empty") await after.open(recordPath, "create");
    else after.unreadable.add(recordPath);
    const { state } = await Flash.open(after, { factoryVersion: "9.9" });
    t.same(state.record, swapped, damage);
    t.equal(state.recordState, "recovered", damage);
    t.same(state.corrupt, [], damage);
    after.unreadable.clear();
    const next = await Flash.open(after.reborn("lasting"));
    t.match(next.state, { record: swapped, recordState: "sound" }, `${damage}: once`);
    after.flipBit(copyPath, 100);
    t.match(
      (await Flash.open(after.reborn("seen"))).state,
      { record: swapped, recordState: "sound" },
      `${damage}: a damaged copy alone is mended`,
    );
  }
});

t.test("a recovered record is believed no more than any other: a slot that is not what it says does not boot", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const { record } = await flash.fetch(makeImage("8.6", 50_000), "b", flash.state.record);
  await flash.saveRecord({ ...record, bootSlot: "b" });
  const after = disk.reborn("lasting");
  after.flipBit(flash.files.slotPath("b"), 7);
  after.flipBit(recordPath, 100);
  const { state } = await Flash.open(after);
  t.match(state, { recordState: "recovered", corrupt: ["b"] });
  t.equal(slotToBoot(state.record), "a");
});

/** An AP that was upgraded twice, the second time without a swap. */
async function upgradedTwice(): Promise<{ disk: MemoryDisk; record: BootRecord; flash: Flash }> {
  const disk = new MemoryDisk();
  const first = await Flash.open(disk, { factoryVersion: "8.5" });
  const { record } = await first.fetch(makeImage("8.6", 50_000), "b", first.state.record);
  await first.saveRecord({ ...record, bootSlot: "b", swapOrderId: 9 });
  const flash = await Flash.open(disk);
  return { disk, flash, record: (await flash.fetch(makeImage("8.7", 60_000), "a", flash.state.record)).record };
}

t.test("record and copy damaged or gone: the slots' labels say what lies there and which of it boots", async (t) => {
  const { disk, record, flash } = await upgradedTwice();
  for (const damage of ["flipped bit", "gone"] as const) {
    const after = disk.reborn("lasting");
    for (const path of [recordPath, copyPath]) damage === "gone" ? await after.remove(path) : after.flipBit(path, 100);
    const { state } = await Flash.open(after, { factoryVersion: "9.9" });
    t.match(state, { recordState: "rebuilt", corrupt: [], record: { bootSlot: "b", slots: record.slots } }, damage);
    const again = await Flash.open(after.reborn("lasting"));
    t.match(again.state, { recordState: "sound", record: state.record }, `${damage}: once`);
  }
  await flash.saveRecord({ ...record, bootSlot: "a", swapOrderId: 10 });
  for (const path of [recordPath, copyPath]) disk.flipBit(path, 100);
  t.equal((await Flash.open(disk)).state.record.bootSlot, "a", "a swap is known, too");
});

t.test("a label is believed no more than a record: what its image is not does not boot", async (t) => {
  const { disk, flash } = await upgradedTwice();
  disk.flipBit(flash.files.slotPath("b"), 7);
  for (const path of [recordPath, copyPath]) disk.flipBit(path, 100);
  const { state } = await Flash.open(disk);
  t.match(state, { recordState: "rebuilt", corrupt: ["b"] });
  t.equal(state.record.slots[slotToBoot(state.record)]?.version, "8.7");
});

t.test("a label that was lost, or that a former version never wrote, is written at the next boot", async (t) => {
  const { disk, record } = await upgradedTwice();
  for (const name of disk.names.filter((path) => /slot-.*\.json$/.test(path))) await disk.remove(name);
  await Flash.open(disk);
  for (const path of [recordPath, copyPath]) disk.flipBit(path, 100);
  t.match((await Flash.open(disk)).state.record, { bootSlot: record.bootSlot, slots: record.slots }, "and then says what the record said");
});

t.test("record, copy and labels damaged: they are put aside, and the AP comes up with empty slots rather than a guess", async (t) => {
  const disk = new MemoryDisk();
  await Flash.open(disk, { factoryVersion: "8.5" });
  const [label = ""] = disk.names.filter((path) => /slot-.*\.json$/.test(path));
  for (const path of [recordPath, copyPath, label]) disk.flipBit(path, 100);
  const { state } = await Flash.open(disk, { factoryVersion: "8.5" });
  t.same(state.record.slots, { a: null, b: null });
  t.equal(state.recordState, "lost");
  t.ok(disk.names.includes("/flash/boot.json.damaged"));
});

t.test("a full disk keeps no swap from being stored: the copy waits for the next boot", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const { record } = await flash.fetch(makeImage("8.6", 50_000), "b", flash.state.record);
  const swapped = { ...record, bootSlot: "b", swapOrderId: 9 } as const;
  disk.failOpen.add(`${copyPath}.new`);
  await flash.saveRecord(swapped);
  const next = await Flash.open(disk.reborn("lasting"));
  t.same(next.state.record, swapped);
  const after = disk.reborn("lasting");
  await Flash.open(after);
  after.flipBit(recordPath, 100);
  t.match((await Flash.open(after)).state, { record: swapped, recordState: "recovered" });
});

t.test("a disk that takes nothing: a swap is refused with the reason, the record stays, and the AP boots", async (t) => {
  for (const [code, reason] of [
    ["ENOSPC", "not-enough-flash"],
    ["EROFS", "flash-write-error"],
  ] as const) {
    const disk = new MemoryDisk();
    const flash = await Flash.open(disk, { factoryVersion: "8.5" });
    const { record } = await flash.fetch(makeImage("8.6", 50_000), "b", flash.state.record);
    if (code === "EROFS") disk.readOnly = true;
    else disk.writesFailWith = code;
    t.match(await flash.saveRecord({ ...record, bootSlot: "b" }), { type: "boot-record-unsaved", reason });
    t.same(flash.files.slotPath("a"), join(folder, `slot-a-${record.slots.a?.sha256}.image`));
    disk.flipBit(recordPath, 100);
    const next = await Flash.open(disk);
    t.match(next.state, { record, recordState: "recovered", corrupt: [] }, `${code}: it boots from the copy, which cannot be mended now`);
    next.files.perform({ type: "discard-download", downloadId: 0, keepPartial: false });
    t.equal(typeof (await next.measure()), "number", `${code}: and continues`);
  }
});
