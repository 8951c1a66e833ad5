/** A stored file that is whole and not understood stops the boot with its name and the field: guessing would lose what it holds. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import t from "tap";
import { Flash, folder } from "../../support/flash.js";
import { MemoryDisk } from "../../support/memory-disk.js";

const sealed = (content: object): Buffer => {
  const text = JSON.stringify(content);
  return Buffer.from(`{"sha256":"${createHash("sha256").update(text).digest("hex")}","content":${text}}\n`);
};
const opened = async (name: string, content: object) => Flash.open(new MemoryDisk([[join(folder, name), sealed(content)]]));
const record = { primary: "a", slots: { a: null, b: null }, swapOrderId: 0, controllerResets: 0 };

t.test("the number is optional in the first format", async (t) => {
  t.match((await opened("boot.json", { ...record, swapOrderId: 3 })).state.record, { swapOrderId: 3 });
  t.match((await opened("boot.json", { format: 1, ...record, swapOrderId: 3 })).state.record, { swapOrderId: 3 });
});

t.test("refused", async (t) => {
  const refusals: readonly (readonly [string, object, string])[] = [
    ["boot.json", { ...record, primary: "c" }, "boot.json is not understood: primary: expected a or b"],
    ["boot.json", { ...record, spare: 1 }, "boot.json is not understood: spare: unknown field"],
    ["boot-copy.json", { ...record, slots: { a: null } }, "boot-copy.json is not understood: slots.b: missing field"],
    ["boot.json", { format: 3, ...record }, "boot.json has format 3, newer than this flexup reads (2); update flexup"],
    ["run.json", { run: { order: {}, progress: {} }, owed: [] }, "run.json is not understood: run.order.runId: missing field"],
    ["run.json", { run: null, owed: [{}] }, "run.json is not understood: owed[0].state: missing field"],
    ["download.json", { version: "1" }, "download.json is not understood: sizeBytes: missing field"],
  ];
  for (const [name, content, message] of refusals) await t.rejects(opened(name, content), { message }, message);
});
