/** What earlier commits stored opens whole, and its run continues. */
import { cpSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { Prng } from "../../../src/base/prng.js";
import type { FetchOutput } from "../../../src/core/ap/fetch/contract.js";
import { ImageFetch } from "../../../src/core/ap/fetch/image-fetch.js";
import { ImageSlots } from "../../../src/core/ap/image-slots.js";
import { nodeDisk } from "../../../src/runtime/ap/disk.js";
import { Flash } from "../../support/flash.js";
import { temporaryFolder } from "../../support/folder.js";

const folders = fileURLToPath(new URL("../../../../test/data/ap", import.meta.url));
const sha256 = "94149f9b369fb7ec006a205f30c41e46c4c7730ab32bd32325b264fc88a82121";

async function opened(t: Test, name: string) {
  const folder = temporaryFolder(t);
  cpSync(join(folders, name), folder, { recursive: true });
  const flash = await Flash.open(nodeDisk, { folder, factoryVersion: "9.9" });
  const { files, state } = flash;
  const fetch = new ImageFetch(new ImageSlots(state.record), new Prng(1), state.freeBytes, state.journal);
  const out: FetchOutput[] = [];
  fetch.step(0, { type: "restarted" }, out);
  return { folder, flash, files, state, fetch, did: out.map(({ type }) => type) };
}

t.test("f488cdf: a primary keeps both images and offers the new one", async (t) => {
  const { folder, flash, files, state, fetch } = await opened(t, "f488cdf/primary");
  t.match(state, {
    recordState: "sound",
    corrupt: [],
    record: { bootSlot: "a", slots: { a: { version: "8.5.161.0" }, b: { version: "8.10.183.0", sha256, sizeBytes: 9000 } } },
    journal: { run: { order: { role: "primary", runId: 1146759900 }, progress: { state: "complete", wanBytes: 9000 } }, owed: [] },
  });
  t.ok(fetch.isComplete);
  await flash.saveRecord({ ...state.record, bootSlot: "b" });
  await files.saveJournal(state.journal);
  await files.close();
  const { state: again } = await Flash.open(nodeDisk, { folder });
  t.match(again, { recordState: "sound", record: { bootSlot: "b" }, journal: state.journal }, "what today's code writes opens too");
});

t.test("f488cdf: a subordinate that had backed off, or was fetching, fetches with the tries that it has left", async (t) => {
  for (const [name, tries] of [
    ["waiting", 1],
    ["fetching", 0],
  ] as const) {
    const { folder, state, fetch, did } = await opened(t, `f488cdf/${name}`);
    t.match(state, { recordState: "sound", corrupt: [], record: { slots: { a: { version: "8.5.161.0" }, b: null } } });
    t.match(fetch.report(), { state: "fetching", tries }, name);
    t.ok(did.includes("open-download"), name);
    t.notOk((await readdir(folder)).includes("download.part"), "a part of a TFTP fetch is of no use");
  }
});
