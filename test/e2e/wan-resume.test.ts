/** Kill -9 of either end in the middle of a fast transfer: the image is right, and what was safe on the AP's disk is not sent again. */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { endpointText, parseHostPort } from "../../src/base/endpoint.js";
import { Branch, must } from "../support/branch.js";
import { UdpRelay } from "../support/udp-relay.js";

const long = process.env["FLEXUP_LONG"] === "1";
const net = 73;
const mebibyte = 2 ** 20;
const imageBytes = (long ? 64 : 12) * mebibyte;
const bytesPerSecond = 4 * mebibyte;
const rounds: readonly ("AP" | "controller")[] = Array.from({ length: long ? 20 : 2 }, (_, round) =>
  round % 2 === 0 ? "AP" : "controller",
);

for (const [round, victim] of rounds.entries()) {
  t.test(`round ${round + 1}: the ${victim} is killed`, async (t) => {
    const relay = await UdpRelay.open(`127.${net}.2.1`);
    t.teardown(() => relay.close());
    const branch = await Branch.start(t, {
      net,
      apCount: 1,
      imageBytes,
      apArgs: () => ["--controller", endpointText(relay.local)],
      onController: (capwap) => {
        const { host, port } = parseHostPort(capwap, 0) ?? { host: "", port: 0 };
        relay.server = { address: host, port };
      },
    });
    must(await branch.admin.order({ type: "group-wan", group: "branch", wan: { bytesPerSecondMax: bytesPerSecond } }));
    const before = relay.bytesDown;
    await branch.startRun();
    const killAtBytes = imageBytes * (round < 2 ? 0.5 : randomInt(5, 95) / 100);
    await branch.until("the moment to kill", async () => relay.bytesDown - before >= killAtBytes);
    const moved = relay.bytesDown - before;
    if (victim === "AP") await branch.aps.get(1)?.kill();
    else await branch.controller.kill();
    await sleep(300);
    const afterKill = relay.bytesDown;
    if (victim === "AP") await branch.startAp(1);
    else await branch.startController();
    const { run, models } = await branch.runEnd();
    t.equal(run?.state, "complete");
    t.equal(models[0]?.wanCopies, 1);
    t.ok(branch.stored(1)?.equals(branch.image.bytes), "the image is right");
    const movedAfter = relay.bytesDown - afterKill;
    t.comment(`${moved} bytes before the kill, ${movedAfter} after, image ${imageBytes}`);
    // What was in flight or not yet synced, and the headers: 1 % of the image and what a quarter second holds.
    t.ok(movedAfter <= imageBytes - moved + 0.03 * imageBytes + bytesPerSecond / 4, `${movedAfter} bytes after ${moved}`);
  });
}
