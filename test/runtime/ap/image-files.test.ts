/** An AP's storage on a disk that fails, fills up or loses power at any step. */
import { join } from "node:path";
import t from "tap";
import type { BootRecord, SlotId } from "../../../src/core/ap/contract.js";
import { slotToBoot } from "../../../src/core/ap/image-slots.js";
import { nodeDisk } from "../../../src/runtime/ap/disk.js";
import { Flash, folder, makeImage } from "../../support/flash.js";
import { temporaryFolder } from "../../support/folder.js";
import { MemoryDisk, powerCut } from "../../support/memory-disk.js";

const recordPath = join(folder, "boot.json");
const copyPath = join(folder, "boot-copy.json");

const contentOf = (disk: MemoryDisk, flash: Flash, slot: SlotId): Buffer | undefined => disk.content(flash.files.slotPath(slot));

t.test("a new AP has its factory image in slot a, and nothing else", async (t) => {
  const disk = new MemoryDisk();
  const { state } = await Flash.open(disk, { factoryVersion: "8.5.0.1" });
  t.equal(state.record.slots.a?.version, "8.5.0.1");
  t.equal(state.record.slots.b, null);
  t.equal(slotToBoot(state.record), "a");
  t.same(state.journal, { run: null, owed: [] });
  const again = await Flash.open(disk.reborn("lasting"), { factoryVersion: "9.9" });
  t.same(again.state.record, state.record, "and keeps it, whatever a later start says");
});

t.test("without a factory image both slots are empty", async (t) => {
  const { state } = await Flash.open(new MemoryDisk());
  t.same(state.record.slots, { a: null, b: null });
});

t.test("a download becomes a slot's content at its commit", async (t) => {
  const disk = new MemoryDisk();
  const image = makeImage("8.6", 300_000);
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const { record } = await flash.fetch(image, "b", flash.state.record);
  t.same(contentOf(disk, flash, "b"), image.bytes);
  t.same(
    disk.names.filter((name) => /download|\.new/.test(name)),
    [],
    "no temporary file is left",
  );
  const next = await Flash.open(disk.reborn("lasting"));
  t.same(next.state.record, record);
});

t.test("a slot's old content goes when the new is committed", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const first = await flash.fetch(makeImage("8.6", 50_000), "b", flash.state.record);
  const { record } = await flash.fetch(makeImage("8.7", 60_000), "b", first.record);
  t.equal(disk.names.filter((name) => name.includes("slot-b")).length, 2, "the new and its label");
  t.same((await Flash.open(disk.reborn("seen"))).state.record, record);
});

t.test("the power goes at any step, or the process alone: the running slot, its record and every safe byte survive", async (t) => {
  const images = [makeImage("8.6", 300_000), makeImage("8.7", 280_000)] as const;
  /** Two upgrades with a swap between; tells each record that is lasting. */
  const play = async (disk: MemoryDisk, lasting: (record: BootRecord) => void): Promise<void> => {
    const first = await Flash.open(disk);
    lasting(first.state.record);
    const fetched = await first.fetch(images[0], "b", first.state.record);
    lasting(fetched.record);
    const swapped: BootRecord = { ...fetched.record, bootSlot: "b", swapOrderId: 1 };
    await first.saveRecord(swapped);
    lasting(swapped);
    const second = await Flash.open(disk);
    const again = await second.fetch(images[1], "a", second.state.record);
    lasting(again.record);
  };
  const factory = new MemoryDisk();
  await Flash.open(factory, { factoryVersion: "8.5" });
  const whole = factory.reborn("lasting");
  await play(whole, () => {});
  t.ok(whole.steps > 60, `${whole.steps} steps`);

  for (let step = 0; step < whole.steps; step++) {
    for (const what of ["lasting", "seen"] as const) {
      const disk = factory.reborn("lasting");
      disk.cutBeforeStep = step;
      const records: BootRecord[] = [];
      await t.rejects(
        play(disk, (record) => records.push(record)),
        powerCut,
      );
      const after = disk.reborn(what);
      const flash = await Flash.open(after);
      const { record, corrupt } = flash.state;
      const place = `step ${step}, ${what}`;
      t.same(corrupt, [], `${place}: no listed slot is broken`);
      const told = records.at(-1);
      const runs = told === undefined ? 0 : told.swapOrderId;
      t.ok(record.swapOrderId >= runs, `${place}: what was told is lasting`);
      if (told?.slots.b) t.same(record.slots.b, told.slots.b, `${place}: a committed image is lasting`);
      t.ok(record.slots[slotToBoot(record)], `${place}: something boots`);

      const damaged = disk.reborn(what);
      if (damaged.content(recordPath) !== undefined) damaged.flipBit(recordPath, 100);
      const recovered = (await Flash.open(damaged)).state;
      t.same(recovered.corrupt, [], `${place}, record damaged: no slot of the copy is broken`);
      t.ok(recovered.record.slots[slotToBoot(recovered.record)], `${place}, record damaged: something boots`);
      if (told?.slots.b) t.ok(recovered.record.slots.b, `${place}, record damaged: a committed image is not forgotten`);

      const bare = disk.reborn(what);
      for (const path of [recordPath, copyPath]) if (bare.content(path) !== undefined) bare.flipBit(path, 100);
      const rebuilt = (await Flash.open(bare)).state;
      t.ok(rebuilt.record.slots[slotToBoot(rebuilt.record)], `${place}, no record: something boots`);
      if (told?.slots.b) t.same(rebuilt.record.slots.b, told.slots.b, `${place}, no record: a committed image is not forgotten`);

      const target = slotToBoot(record) === "a" ? "b" : "a";
      const image = images.find(({ sha256 }) => record.slots.a?.sha256 !== sha256 && record.slots.b?.sha256 !== sha256);
      if (image === undefined) continue;
      const { resumeOffset } = await flash.fetch(image, target, record);
      t.same(contentOf(after, flash, target), image.bytes, `${place}: the next download, from byte ${resumeOffset}, is right`);
    }
  }
});

t.test("what is safe of a download over the WAN is resumed, and only for the same image", async (t) => {
  const disk = new MemoryDisk();
  const image = makeImage("8.6", 1_000_000);
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const opened = await flash.open(image, "b");
  await flash.write(opened.downloadId, image.bytes.subarray(0, 600_000), 0);
  await flash.files.close();

  const killed = await Flash.open(disk.reborn("lasting"));
  const resumed = await killed.open(image, "b");
  t.match(resumed, { type: "download-opened", resumeOffset: 600_000 });

  const other = await Flash.open(disk.reborn("lasting"));
  t.match(await other.open(makeImage("8.7", 1_000_000), "b"), { resumeOffset: 0 });

  const lan = await Flash.open(disk.reborn("lasting"));
  t.match(await lan.open(image, "b", false), { resumeOffset: 0 }, "TFTP begins at the start");
});

t.test("a kill loses no more than a small share of the transfer", async (t) => {
  const disk = new MemoryDisk();
  const image = makeImage("8.6", 4_000_000);
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const opened = await flash.open(image, "b");
  await flash.write(opened.downloadId, image.bytes.subarray(0, 2_000_000), 0);
  const resumed = await (await Flash.open(disk.reborn("lasting"))).open(image, "b");
  const lost = 2_000_000 - (resumed.type === "download-opened" ? resumed.resumeOffset : 0);
  t.ok(lost <= 200_000, `${lost} bytes lost`);
});

t.test("a part that lies about itself is not resumed", async (t) => {
  const disk = new MemoryDisk();
  const image = makeImage("8.6", 1_000_000);
  const flash = await Flash.open(disk);
  const opened = await flash.open(image, "b");
  await flash.write(opened.downloadId, image.bytes.subarray(0, 600_000), 0);
  await flash.files.close();
  const part = disk.content(join(folder, "download.part")) as Buffer;
  const files = disk.names.map((name) => [name, disk.content(name) as Buffer] as const);
  const short = new MemoryDisk(files.map(([name, content]) => [name, content === part ? part.subarray(0, 1000) : content] as const));
  t.match(await (await Flash.open(short)).open(image, "b"), { resumeOffset: 0 });
});

t.test("a discarded download leaves nothing; a kept one leaves its part", async (t) => {
  const disk = new MemoryDisk();
  const image = makeImage("8.6", 400_000);
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const parts = (): string[] => disk.names.filter((name) => name.includes("download"));
  const before = disk.names;

  const kept = await flash.open(image, "b");
  await flash.write(kept.downloadId, image.bytes.subarray(0, 100_000), 0);
  flash.files.perform({ type: "discard-download", downloadId: kept.downloadId, keepPartial: true });
  await flash.files.close();
  t.same(parts(), ["/flash/download.json", "/flash/download.part"]);

  flash.files.perform({ type: "discard-download", downloadId: 0, keepPartial: false });
  await flash.files.close();
  t.same(disk.names, before, "an abort takes an earlier part away");

  const dropped = await flash.open(image, "b");
  flash.files.perform({ type: "write-chunk", downloadId: dropped.downloadId, offset: 0, bytes: image.bytes });
  flash.files.perform({ type: "verify-download", downloadId: dropped.downloadId });
  flash.files.perform({ type: "discard-download", downloadId: dropped.downloadId, keepPartial: false });
  await flash.files.close();
  t.same(disk.names, before);
  t.same(flash.answers, [], "a discarded download says nothing more");
});

t.test("no room: refused before a byte is written", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { flashBytes: 100_000, factoryVersion: "8.5" });
  const free = flash.state.freeBytes;
  t.ok(free < 100_000 && free > 90_000, "the slots count");
  t.match(await flash.open(makeImage("8.6", free + 1), "b"), { type: "storage-failed", reason: "not-enough-flash" });
  await flash.files.close();
  t.notOk(disk.names.some((name) => name.includes("download")));
  t.match(await flash.open(makeImage("8.6", free), "b"), { type: "download-opened" });
});

t.test("the disk fills up while a download is written: it fails, both slots and the record are as they were", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const before = disk.names;
  const image = makeImage("8.6", 300_000);
  const opened = await flash.open(image, "b");
  disk.capacityBytes = 150_000;
  await flash.write(opened.downloadId, image.bytes.subarray(0, 120_000), 0);
  flash.files.perform({ type: "write-chunk", downloadId: opened.downloadId, offset: 120_000, bytes: image.bytes.subarray(120_000) });
  t.match(await flash.answer("storage-failed"), { downloadId: opened.downloadId, reason: "not-enough-flash" });
  t.same(disk.names, before, "the part is gone by then, so that the run's end can be saved");
  t.same((await Flash.open(disk.reborn("seen"))).state.record, flash.state.record);
  disk.capacityBytes = 1_000_000;
  await flash.fetch(image, "b", flash.state.record);
});

t.test("a medium that fails is told as such", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const image = makeImage("8.6", 30_000);
  const opened = await flash.open(image, "b");
  disk.writesFailWith = "EIO";
  flash.files.perform({ type: "write-chunk", downloadId: opened.downloadId, offset: 0, bytes: image.bytes });
  t.match(await flash.answer("storage-failed"), { reason: "flash-write-error" });
});

t.test("a TFTP fetch appends and hears of a failure", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const image = makeImage("8.6", 90_000);
  const opened = await flash.open(image, "b", false);
  await flash.files.append(opened.downloadId, 0, [image.bytes.subarray(0, 1000), image.bytes.subarray(1000, 50_000)]);
  await flash.files.append(opened.downloadId, 50_000, [image.bytes.subarray(50_000)]);
  t.match(await flash.verify(opened.downloadId), { type: "download-verified", sizeBytes: 90_000, sha256: image.sha256, md5: image.md5 });
  disk.writesFailWith = "ENOSPC";
  await t.rejects(flash.files.append(opened.downloadId, 90_000, [image.bytes]), /given up/);
  t.match(await flash.answer("storage-failed"), { reason: "not-enough-flash" });
  await t.rejects(flash.files.append(opened.downloadId, 90_000, [image.bytes]), /given up/, "and again for a download that is gone");
});

t.test("the journal is what was saved last", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk);
  const final = { state: "complete", path: "wan", tries: 0, wanBytes: 5, lanBytes: 0, reason: "none", detail: "" } as const;
  const journal = { run: null, owed: [{ ...final, runId: 3, bytesDone: 5 }] };
  await flash.files.saveJournal(journal);
  t.same((await Flash.open(disk.reborn("lasting"))).state.journal, journal);
});

t.test("a journal that the disk would not take is told and does no harm", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk);
  const journal = { run: null, owed: [] };
  await flash.files.saveJournal(journal);
  disk.writesFailWith = "ENOSPC";
  await flash.files.saveJournal({ ...journal, owed: [] });
  t.same(flash.journalsLost, ["the flash is full"]);
  t.same((await Flash.open(disk.reborn("lasting"))).state.journal, journal);
});

t.test("a journal is saved while a failed download is cleared away", async (t) => {
  for (let waits = 0; waits < 40; waits++) {
    const disk = new MemoryDisk();
    const flash = await Flash.open(disk, { factoryVersion: "8.5" });
    const image = makeImage("8.6", 30_000);
    const opened = await flash.open(image, "b");
    disk.capacityBytes = 10_000;
    flash.files.perform({ type: "write-chunk", downloadId: opened.downloadId, offset: 0, bytes: image.bytes });
    for (let turn = 0; turn < waits; turn++) await Promise.resolve();
    await Promise.race([flash.files.saveJournal({ run: null, owed: [] }), flash.fatal]);
    t.match(await flash.answer("storage-failed"), { reason: "not-enough-flash" }, `${waits} turns later`);
  }
});

t.test("files of others in the folder are let alone", async (t) => {
  const disk = new MemoryDisk([["/flash/notes.txt", Buffer.from("mine")]]);
  await Flash.open(disk, { factoryVersion: "8.5" });
  t.ok(disk.names.includes("/flash/notes.txt"));
});

t.test("on a real disk", async (t) => {
  const image = makeImage("8.6", 3_000_000);
  const place = { folder: join(temporaryFolder(t), "new", "flash") };
  const flash = await Flash.open(nodeDisk, { ...place, factoryVersion: "8.5" });
  const opened = await flash.open(image, "b");
  await flash.write(opened.downloadId, image.bytes.subarray(0, 2_000_000), 0);
  await flash.files.close();
  const next = await Flash.open(nodeDisk, place);
  const { record, resumeOffset } = await next.fetch(image, "b", next.state.record);
  t.equal(resumeOffset, 2_000_000);
  await next.files.close();
  t.same((await Flash.open(nodeDisk, place)).state.record, record);
});
