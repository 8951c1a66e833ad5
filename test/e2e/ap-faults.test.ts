/** APs and the controller as processes that die, fill up and come back. */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { parseHostPort } from "../../src/base/endpoint.js";
import { apReady } from "../../src/daemon/ready.js";
import { systemClock } from "../../src/runtime/clock.js";
import { startTftpFetch } from "../../src/runtime/tftp/client.js";
import { type ApPlan, after, apsOf, before, Fleet, must, until } from "../support/fleet.js";

const mebibyte = 2 ** 20;
const long = process.env["FLEXUP_LONG"] === "1";
const model = "AIR-AP2802I";
const group = "branch";

/** APs of one model, joined and in a group, and an image for them. */
async function branch(t: Test, count: number, imageBytes: number, ...apArgs: string[]) {
  const fleet = await Fleet.start(t);
  const plans = apsOf(model, count);
  await fleet.join(plans, ...apArgs);
  const image = await fleet.addImage(model, imageBytes);
  await fleet.group(group, plans);
  const [first] = plans as [ApPlan];
  return { fleet, plans, first, image };
}

/** Most of the time these wait, each in a network of its own. */
t.jobs = 2;

t.test("the controller is killed in the middle of a run: the run ends, and no AP fetches twice", async (t) => {
  const imageBytes = 4 * mebibyte;
  const { fleet, plans, image } = await branch(t, 5, imageBytes);
  await fleet.start(group);
  await until("the first subordinate", async () =>
    (await fleet.rows()).some(({ source, status }) => source === "lan" && status === "Complete"),
  );
  await fleet.controller.kill();
  await sleep(500);
  await fleet.restartController();
  const { run, models } = await fleet.runOver(group);
  t.equal(run?.state, "complete");
  t.equal(models[0]?.wanCopies, 1);
  for (const { name, wanBytes, lanBytes, status } of await fleet.rows()) {
    t.equal(status, "Complete", name);
    t.ok(wanBytes + lanBytes <= 2 * imageBytes - 1, `${name}: ${wanBytes} bytes over the WAN, ${lanBytes} over the LAN`);
  }
  for (const plan of plans) t.ok((await fleet.stored(plan, image.sha256))?.equals(image.content), plan.name);
});

t.test("a primary serves with no controller there, and after a restart of its own", async (t) => {
  const { fleet, first, image } = await branch(t, 1, mebibyte);
  await fleet.start(group);
  t.equal((await fleet.runOver(group)).run?.state, "complete");
  await fleet.controller.kill();
  await fleet.aps.get(first.name)?.kill();
  const ap = fleet.startAp(first);
  const { tftp } = await ap.line(apReady);
  const { host, port } = parseHostPort(tftp, 0) ?? { host: "", port: 0 };
  await ap.line(({ event }) => (event === "offering" ? true : undefined));
  const chunks: Uint8Array[] = [];
  const fetch = startTftpFetch({
    server: { address: host, port },
    fileName: image.fileName,
    clock: systemClock,
    sink: { write: async (_offset, parts) => void chunks.push(...parts.map((part) => Uint8Array.from(part))) },
    onFatal: (error) => t.fail(String(error)),
  });
  t.match(await fetch.ended, { outcome: "complete", sha256: image.sha256 });
  t.ok(Buffer.concat(chunks).equals(image.content));
  await fetch.closed;
  await fleet.restartController();
});

t.test("an AP without room says so, and continues serving what it has", async (t) => {
  const imageBytes = mebibyte;
  const { fleet } = await branch(t, 1, imageBytes);
  const [, second] = apsOf(model, 2) as [ApPlan, ApPlan];
  await fleet.join([second], "--flash-bytes", String(imageBytes / 2));
  must(await fleet.admin.order({ type: "group-ap-add", group, mac: second.mac }));
  await fleet.start(group);
  await fleet.runOver(group);
  t.match(await fleet.row("AP1"), { status: "Complete" });
  t.match(await fleet.row("AP2"), { status: "Failed", failureReason: "not-enough-flash", primaryImage: before });
  t.ok(fleet.aps.get("AP2")?.running);
});

t.test("reset with --on-reset exit ends the process in order; the next start boots the new image", async (t) => {
  const { fleet, first } = await branch(t, 1, 100_000, "--on-reset", "exit");
  await fleet.start(group);
  await fleet.runOver(group);
  must(await fleet.admin.order({ type: "ap-swap", ap: "all" }));
  must(await fleet.admin.order({ type: "ap-reset", ap: "all" }));
  t.match(await fleet.aps.get(first.name)?.ended, { code: 0, signal: null });
  const [booted] = await fleet.startAp(first).line(({ event, msg }) => (event === "booted" ? [msg] : undefined));
  t.match(booted, after);
});

const rounds = long ? 20 : 2;
t.test(`${rounds} kills of AP and controller at random moments of a transfer`, { timeout: 1_200_000 }, async (t) => {
  const imageBytes = (long ? 64 : 8) * mebibyte;
  let movedBytes = 0;
  for (let round = 0; round < rounds; round++) {
    const { fleet, first, image } = await branch(t, 1, imageBytes);
    await fleet.start(group);
    const moment = (imageBytes / 100) * randomInt(1, 95);
    await until("the moment", async () => {
      const { bytesDone, status } = await fleet.row(first.name);
      return bytesDone > moment || status === "Complete";
    });
    if (round % 2 === 0) {
      await fleet.aps.get(first.name)?.kill();
      await fleet.startAp(first).line(apReady);
    } else {
      await fleet.controller.kill();
      await fleet.restartController();
    }
    const { run } = await fleet.runOver(group);
    t.equal(run?.state, "complete", `round ${round}: killed after ${moment} bytes`);
    t.ok((await fleet.stored(first, image.sha256))?.equals(image.content), `round ${round}: byte for byte`);
    movedBytes += (await fleet.row(first.name)).wanBytes;
    await Promise.all([fleet.controller, ...fleet.aps.values()].map((daemon) => daemon.stop()));
  }
  t.comment(`${movedBytes} bytes moved for ${rounds} images of ${imageBytes}`);
});
