/** APs and the controller as processes that die, fill up and come back. */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { systemClock } from "../../src/runtime/clock.js";
import { startTftpFetch } from "../../src/runtime/tftp-client.js";
import { after, Branch, before, must } from "../support/branch.js";

const mebibyte = 2 ** 20;
const long = process.env["FLEXUP_LONG"] === "1";
const net = 61;

t.test("the controller is killed in the middle of a run: the run ends, and no AP fetches twice", async (t) => {
  const imageBytes = 4 * mebibyte;
  const branch = await Branch.start(t, { net, apCount: 5, imageBytes });
  await branch.startRun();
  await branch.until("the first subordinate", async () =>
    (await branch.rows()).some(({ source, status }) => source === "lan" && status === "Complete"),
  );
  await branch.controller.kill();
  await sleep(500);
  await branch.startController();
  const { run, models } = await branch.runEnd();
  t.equal(run?.state, "complete");
  t.equal(models[0]?.wanCopies, 1);
  for (const { name, wanBytes, lanBytes, status } of await branch.rows()) {
    t.equal(status, "Complete", name);
    t.ok(wanBytes + lanBytes <= 2 * imageBytes - 1, `${name}: ${wanBytes} bytes over the WAN, ${lanBytes} over the LAN`);
  }
  for (let number = 1; number <= 5; number++) t.ok(branch.stored(number)?.equals(branch.image.bytes), `AP${number}`);
});

t.test("a primary serves with no controller there, and after a restart of its own", async (t) => {
  const branch = await Branch.start(t, { net, apCount: 1, imageBytes: mebibyte });
  await branch.startRun();
  t.equal((await branch.runEnd()).run?.state, "complete");
  const [image] = must(await branch.admin.order({ type: "show-images" }));
  await branch.controller.kill();
  await branch.aps.get(1)?.kill();
  const server = await branch.startAp(1);
  await branch.aps.get(1)?.line(({ event }) => (event === "offering" ? true : undefined));
  const chunks: Uint8Array[] = [];
  const fetch = startTftpFetch({
    server,
    fileName: image?.fileName ?? "",
    clock: systemClock,
    sink: { write: async (_offset, parts) => void chunks.push(...parts.map((part) => Uint8Array.from(part))) },
    onFatal: (error) => t.fail(String(error)),
  });
  t.match(await fetch.ended, { outcome: "complete", digests: { sha256: branch.image.sha256 } });
  t.ok(Buffer.concat(chunks).equals(branch.image.bytes));
  await fetch.closed;
  await branch.startController();
});

t.test("an AP without room says so, and goes on serving what it has", async (t) => {
  const imageBytes = mebibyte;
  const branch = await Branch.start(t, {
    net,
    apCount: 2,
    imageBytes,
    apArgs: (number) => (number === 2 ? ["--flash-bytes", String(imageBytes / 2)] : []),
  });
  await branch.startRun();
  await branch.runEnd();
  t.match(await branch.row(1), { status: "Complete" });
  t.match(await branch.row(2), { status: "Failed", failureReason: "not-enough-flash", primaryImage: before });
  t.ok(branch.aps.get(2)?.running);
});

t.test("reset with --on-reset exit ends the process in order; the next start boots the new image", async (t) => {
  const branch = await Branch.start(t, { net, apCount: 1, imageBytes: 100_000, apArgs: () => ["--on-reset", "exit"] });
  await branch.startRun();
  await branch.runEnd();
  must(await branch.admin.order({ type: "ap-swap", ap: "all" }));
  must(await branch.admin.order({ type: "ap-reset", ap: "all" }));
  t.match(await branch.aps.get(1)?.ended, { code: 0, signal: null });
  await branch.startAp(1);
  const [booted] = (await branch.aps.get(1)?.line(({ event, msg }) => (event === "booted" ? [msg] : undefined))) ?? [];
  t.match(booted, after);
});

const rounds = long ? 20 : 2;
t.test(`${rounds} kills of AP and controller at random moments of a transfer`, { timeout: 1_200_000 }, async (t) => {
  const imageBytes = (long ? 64 : 8) * mebibyte;
  let movedBytes = 0;
  for (let round = 0; round < rounds; round++) {
    const branch = await Branch.start(t, { net, apCount: 1, imageBytes });
    await branch.startRun();
    const moment = (imageBytes / 100) * randomInt(1, 95);
    await branch.until("the moment", async () => {
      const { bytesDone, status } = await branch.row(1);
      return bytesDone > moment || status === "Complete";
    });
    if (round % 2 === 0) {
      await branch.aps.get(1)?.kill();
      await branch.startAp(1);
    } else {
      await branch.controller.kill();
      await branch.startController();
    }
    const { run } = await branch.runEnd();
    t.equal(run?.state, "complete", `round ${round}: killed after ${moment} bytes`);
    t.ok(branch.stored(1)?.equals(branch.image.bytes), `round ${round}: byte for byte`);
    movedBytes += (await branch.row(1)).wanBytes;
    await branch.close();
  }
  t.comment(`${movedBytes} bytes moved for ${rounds} images of ${imageBytes}`);
});
