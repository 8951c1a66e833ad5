import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import t from "tap";
import type { ApInput, BootRecord, BootState, SlotId, SlotImage } from "../../src/core/ap/contract.js";
import { slotToBoot } from "../../src/core/ap/image-slots.js";
import { type Disk, nodeDisk } from "../../src/runtime/disk.js";
import { ImageFiles } from "../../src/runtime/image-files.js";
import { temporaryFolder } from "../support/folder.js";
import { MemoryDisk, powerCut } from "../support/memory-disk.js";

const folder = "/flash";
const chunkBytes = 30_000;

interface TestImage {
  readonly version: string;
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly md5: string;
}

const makeImage = (version: string, sizeBytes: number): TestImage => {
  const bytes = randomBytes(sizeBytes);
  const digest = (name: string): string => createHash(name).update(bytes).digest("hex");
  return { version, bytes, sha256: digest("sha256"), md5: digest("md5") };
};

const slotImage = ({ version, bytes, sha256, md5 }: TestImage, runId = 7): SlotImage => ({
  version,
  sizeBytes: bytes.length,
  sha256,
  md5,
  runId,
});

type Answer = Extract<ApInput, { readonly downloadId: number }>;

/** Plays the agent: one effect at a time, each until its answer. */
class Flash {
  readonly answers: Answer[] = [];
  readonly journalsLost: string[] = [];
  readonly fatal: Promise<never>;
  files!: ImageFiles;
  state!: BootState;
  #lastId = 0;
  #told: (() => void) | undefined;
  #fail!: (error: unknown) => void;

  private constructor() {
    this.fatal = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.fatal.catch(() => {});
  }

  static async open(
    disk: Disk,
    options: { readonly folder?: string; readonly flashBytes?: number; readonly factoryVersion?: string } = {},
  ): Promise<Flash> {
    const flash = new Flash();
    const opened = await ImageFiles.open({
      folder,
      flashBytes: undefined,
      factoryVersion: undefined,
      ...options,
      disk,
      deliver: (input) => {
        flash.answers.push(input);
        flash.#told?.();
      },
      onJournalLost: (detail) => flash.journalsLost.push(detail),
      onFatal: (error) => flash.#fail(error),
    });
    flash.files = opened.files;
    flash.state = opened.state;
    return flash;
  }

  async answer<Type extends Answer["type"]>(...types: Type[]): Promise<Extract<Answer, { readonly type: Type }>> {
    for (;;) {
      const at = this.answers.findIndex(({ type }) => (types as string[]).includes(type));
      if (at >= 0) return this.answers.splice(at, 1)[0] as Extract<Answer, { readonly type: Type }>;
      const told = new Promise<void>((resolve) => {
        this.#told = resolve;
      });
      await Promise.race([told, this.fatal]);
    }
  }

  async open({ version, bytes, sha256 }: TestImage, slot: SlotId, resume = true) {
    const downloadId = ++this.#lastId;
    this.files.perform({ type: "open-download", downloadId, slot, version, sizeBytes: bytes.length, sha256, resume });
    return await this.answer("download-opened", "storage-failed");
  }

  /** Writes `bytes` from `offset` on, in chunks; stops at a failure. */
  async write(downloadId: number, bytes: Buffer, offset: number): Promise<void> {
    for (let at = offset; at < bytes.length; at += chunkBytes) {
      this.files.perform({ type: "write-chunk", downloadId, offset: at, bytes: bytes.subarray(at, at + chunkBytes) });
      if ((await this.answer("chunk-written", "storage-failed")).type === "storage-failed") return;
    }
  }

  async verify(downloadId: number) {
    this.files.perform({ type: "verify-download", downloadId });
    return await this.answer("download-verified", "storage-failed");
  }

  async commit(downloadId: number, slot: SlotId, record: BootRecord) {
    this.files.perform({ type: "commit-slot", downloadId, slot, record });
    return await this.answer("slot-committed", "storage-failed");
  }

  /** A whole download into `slot`. @returns the record with it, and where it began */
  async fetch(image: TestImage, slot: SlotId, record: BootRecord): Promise<{ record: BootRecord; resumeOffset: number }> {
    const opened = await this.open(image, slot);
    if (opened.type !== "download-opened") throw new Error(opened.detail);
    await this.write(opened.downloadId, image.bytes, opened.resumeOffset);
    const verified = await this.verify(opened.downloadId);
    if (verified.type !== "download-verified" || verified.sha256 !== image.sha256) throw new Error(`not verified: ${verified.type}`);
    const next = { ...record, slots: { ...record.slots, [slot]: slotImage(image) } };
    await this.commit(opened.downloadId, slot, next);
    return { record: next, resumeOffset: opened.resumeOffset };
  }
}

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
  t.equal(disk.names.filter((name) => name.includes("slot-b")).length, 1);
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
    const swapped: BootRecord = { ...fetched.record, primary: "b", swapOrderId: 1 };
    await Promise.race([first.files.saveRecord(swapped), first.fatal]);
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

t.test("a flipped bit makes a slot unbootable, and the other one boots", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const { record } = await flash.fetch(makeImage("8.6", 50_000), "b", flash.state.record);
  await flash.files.saveRecord({ ...record, primary: "b" });
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
  const swapped = { ...record, primary: "b", swapOrderId: 9 } as const;
  await flash.files.saveRecord(swapped);
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
  await flash.files.saveRecord({ ...record, primary: "b" });
  const after = disk.reborn("lasting");
  after.flipBit(flash.files.slotPath("b"), 7);
  after.flipBit(recordPath, 100);
  const { state } = await Flash.open(after);
  t.match(state, { recordState: "recovered", corrupt: ["b"] });
  t.equal(slotToBoot(state.record), "a");
});

t.test("record and copy damaged: both are put aside, and the AP comes up with empty slots rather than a guess", async (t) => {
  const disk = new MemoryDisk();
  await Flash.open(disk, { factoryVersion: "8.5" });
  for (const path of [recordPath, copyPath]) disk.flipBit(path, 100);
  const { state } = await Flash.open(disk, { factoryVersion: "8.5" });
  t.same(state.record.slots, { a: null, b: null });
  t.equal(state.recordState, "lost");
  t.ok(disk.names.includes("/flash/boot.json.damaged"));
});

t.test("a full disk keeps no swap from being stored: the copy waits for the next boot", async (t) => {
  const disk = new MemoryDisk();
  const flash = await Flash.open(disk, { factoryVersion: "8.5" });
  const { record } = await flash.fetch(makeImage("8.6", 50_000), "b", flash.state.record);
  const swapped = { ...record, primary: "b", swapOrderId: 9 } as const;
  disk.failOpen.add(`${copyPath}.new`);
  await flash.files.saveRecord(swapped);
  const next = await Flash.open(disk.reborn("lasting"));
  t.same(next.state.record, swapped);
  const after = disk.reborn("lasting");
  await Flash.open(after);
  after.flipBit(recordPath, 100);
  t.match((await Flash.open(after)).state, { record: swapped, recordState: "recovered" });
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
