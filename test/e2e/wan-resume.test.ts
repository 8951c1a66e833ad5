/** Kill -9 of either end in the middle of a fast transfer: the image is right, and what was safe on the AP's disk is not sent again. */
import { randomInt } from "node:crypto";
import t from "tap";
import { endpointText, parseHostPort } from "../../src/base/endpoint.js";
import { apReady } from "../../src/daemon/ready.js";
import { CpuWait } from "../support/cpu-wait.js";
import { type ApPlan, apsOf, Fleet, must, until } from "../support/fleet.js";
import { SegmentWatch } from "../support/segment-watch.js";
import { UdpRelay } from "../support/udp-relay.js";

const long = process.env["FLEXUP_LONG"] === "1";
const mebibyte = 2 ** 20;
const imageBytes = (long ? 64 : 12) * mebibyte;
const bytesPerSecond = 4 * mebibyte;
const rounds: readonly ("AP" | "controller")[] = Array.from({ length: long ? 20 : 2 }, (_, round) =>
  round % 2 === 0 ? "AP" : "controller",
);
const [plan] = apsOf("AIR-AP2802I", 1) as [ApPlan];
const group = "branch";

/** Most of the time these wait, each in a network of its own. */
t.jobs = 2;

for (const [round, victim] of rounds.entries()) {
  t.test(`round ${round + 1}: the ${victim} is killed`, async (t) => {
    const fleet = await Fleet.start(t);
    const relay = await UdpRelay.open(`${fleet.network}.2.1`);
    t.teardown(() => relay.close());
    const watch = new SegmentWatch();
    relay.observe = (way, bytes) => {
      if (way === "down") watch.see(bytes);
    };
    const { host, port } = parseHostPort(fleet.ready.capwap, 0) ?? { host: "", port: 0 };
    relay.server = { address: host, port };
    const overRelay = ["--controller", endpointText(relay.local)];
    await fleet.join([plan], ...overRelay);
    const image = await fleet.addImage(plan.model, imageBytes);
    await fleet.group(group, [plan]);
    must(await fleet.admin.order({ type: "group-wan", group, wan: { bytesPerSecondMax: bytesPerSecond } }));
    const cpuWait = new CpuWait([fleet.controller.pid, fleet.aps.get(plan.name)?.pid ?? process.pid]);
    const before = relay.bytesDown;
    await fleet.start(group);
    const killAtBytes = imageBytes * (round < 2 ? 0.5 : randomInt(5, 95) / 100);
    await until("the moment to kill", async () => (await fleet.safeBytes(plan)) >= killAtBytes);
    const moved = relay.bytesDown - before;
    const earlier = watch.transfers;
    if (victim === "AP") await fleet.aps.get(plan.name)?.kill();
    else await fleet.controller.kill();
    cpuWait.end();
    const safe = await fleet.safeBytes(plan);
    if (victim === "AP") await fleet.startAp(plan, ...overRelay).line(apReady);
    else await fleet.restartController();
    const { run, models } = await fleet.runOver(group);
    t.equal(run?.state, "complete");
    t.equal(models[0]?.wanCopies, 1);
    t.ok((await fleet.stored(plan, image.sha256))?.equals(image.content), "the image is right");
    const resumedAt = watch.startOfOthers(earlier) ?? 0;
    t.comment(`${moved} bytes moved before the kill, ${safe} were safe, resumed at ${resumedAt}, image ${imageBytes}`);
    t.ok(safe >= killAtBytes && resumedAt >= safe, "no byte that was safe is sent again");
    // What was in flight or not yet synced, and the headers: 3 % of the image and what a quarter second holds.
    const lost = moved - resumedAt;
    cpuWait.judge(t, lost <= 0.03 * imageBytes + bytesPerSecond / 4, `${lost} bytes lost`);
  });
}
