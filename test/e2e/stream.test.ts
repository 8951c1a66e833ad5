/** The `stream` distribution with real processes: chunks are served while the image still comes in. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { apsOf, Fleet, must, until } from "../support/fleet.js";

const mebibyte = 2 ** 20;
const wanBytesPerSecond = 1_250_000;
/** Blocks that a busy machine acknowledges late are sent again. */
const wanShareMax = 1.05;

async function branch(t: Parameters<typeof Fleet.start>[0], aps: number, sizeBytes: number) {
  const fleet = await Fleet.start(t);
  const plans = apsOf("AIR-CAP3702I", aps);
  await fleet.join(plans);
  const image = await fleet.addImage("AIR-CAP3702I", sizeBytes);
  await fleet.group("branch", plans);
  const settings = { distribution: "stream", wan: { bytesPerSecondMax: wanBytesPerSecond } } as const;
  must(await fleet.admin.order({ type: "group-set", group: "branch", settings }));
  must(await fleet.admin.order({ type: "group-start", group: "branch", release: "primary" }));
  return { fleet, plans, image };
}

t.test("six APs are done soon after the WAN copy is", async (t) => {
  const sizeBytes = 8 * mebibyte + 17;
  const { fleet, plans, image } = await branch(t, 6, sizeBytes);
  const view = await fleet.runOver("branch");
  t.match(view.run, { state: "complete", counts: { Complete: 6 } });
  t.match(view.models, [{ wanCopies: 1, lanBytes: 5 * sizeBytes }]);
  t.ok((view.models[0]?.wanBytes ?? Number.NaN) < wanShareMax * sizeBytes, "one copy, and what was sent again");
  const [report] = must(await fleet.admin.order({ type: "show-runs", group: "branch" }));
  const seconds = (name: string): number =>
    ((report?.aps.find((ap) => ap.name === name)?.endedAt ?? Number.NaN) - (report?.startedAt ?? 0)) / 1000;
  const copy = seconds("AP1");
  const last = Math.max(...plans.map(({ name }) => seconds(name)));
  t.comment(`WAN copy ${copy.toFixed(2)} s, last AP ${last.toFixed(2)} s, ratio ${(last / copy).toFixed(3)}`);
  t.ok(copy >= sizeBytes / wanBytesPerSecond - 1, "the WAN was the limit");
  for (const ap of report?.aps ?? []) t.equal(ap.tries, 0, `${ap.name} never asked in vain`);
  for (const { name } of plans) {
    const folder = join(fleet.folder, name);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const contents = await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name))));
    t.ok(
      contents.some((content) => createHash("sha256").update(content).digest("hex") === image.sha256),
      `${name} holds the image byte for byte`,
    );
  }
});

t.test("a parent is killed in the middle: its children continue, and it resumes", async (t) => {
  const sizeBytes = 8 * mebibyte;
  const { fleet, plans } = await branch(t, 6, sizeBytes);
  const [, parent] = plans;
  await until("the parent has some chunks", async () => ((await fleet.row("AP2")).bytesDone > 2 * mebibyte ? true : undefined));
  await fleet.aps.get("AP2")?.kill();
  if (parent) fleet.startAp(parent);
  const view = await fleet.runOver("branch");
  t.match(view.run, { state: "complete", counts: { Complete: 6 } });
  t.match(view.models, [{ wanCopies: 1 }]);
  t.ok((view.models[0]?.wanBytes ?? Number.NaN) < wanShareMax * sizeBytes, "nothing crossed the WAN twice");
});

t.test("the primary is killed in the middle: what the others have does not cross the WAN again", async (t) => {
  const sizeBytes = 8 * mebibyte;
  const { fleet } = await branch(t, 5, sizeBytes);
  await until("another AP has some chunks", async () => ((await fleet.row("AP2")).bytesDone > 3 * mebibyte ? true : undefined));
  await fleet.aps.get("AP1")?.kill();
  await until("the others complete", async () => {
    const { run } = await fleet.view("branch");
    return (run?.counts.Complete ?? 0) >= 4 ? run : undefined;
  });
  const bytes = (await fleet.rows()).filter(({ name }) => name !== "AP1").map(({ wanBytes }) => wanBytes);
  t.comment(`${bytes.join(", ")} of ${sizeBytes} bytes over the WAN`);
  t.equal(bytes.filter((wanBytes) => wanBytes > 0).length, 1, "one successor");
  t.ok(Math.max(...bytes) < 0.75 * sizeBytes, "which asked for the rest");
});

t.test("an abort reaches everyone within 2 s, and nothing is left", async (t) => {
  const { fleet, plans } = await branch(t, 5, 16 * mebibyte);
  await until("chunks have come through", async () => ((await fleet.row("AP5")).bytesDone > mebibyte ? true : undefined));
  must(await fleet.admin.order({ type: "group-abort", group: "branch" }));
  const abortedAt = performance.now();
  for (const { name } of plans) {
    await until(`${name} has no part`, async () => {
      const files = await readdir(join(fleet.folder, name), { recursive: true });
      return files.every((file) => !file.endsWith("download.part")) || undefined;
    });
  }
  const seconds = (performance.now() - abortedAt) / 1000;
  t.comment(`${seconds.toFixed(2)} s`);
  t.ok(seconds <= 2, `${seconds} s`);
});
