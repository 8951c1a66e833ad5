/**
 * The controller dies in the middle of a WAN transfer and the AP goes to its secondary one. With the same image there the transfer continues
 * from the last byte that is safely on the AP's disk; with another image of the same version it starts again. Three processes; relays count.
 */
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { AdminClient } from "../../src/admin/client.js";
import { endpointText, parseHostPort } from "../../src/base/endpoint.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { controllerReady } from "../../src/daemon/ready.js";
import { type ApPlan, after, apsOf, Fleet, must, until } from "../support/fleet.js";
import { SegmentWatch } from "../support/segment-watch.js";
import { UdpRelay } from "../support/udp-relay.js";

const imageBytes = 12 * 2 ** 20;
const bytesPerSecond = 4 * 2 ** 20;
const group = "branch";
const [plan] = apsOf("AIR-AP2802I", 1) as [ApPlan];

const endpointOf = (text: string) => {
  const { host, port } = parseHostPort(text, 0) ?? { host: "", port: 0 };
  return { address: host, port };
};

async function openRelay(t: Test, address: string): Promise<UdpRelay> {
  const relay = await UdpRelay.open(address);
  t.teardown(() => relay.close());
  return relay;
}

/** A secondary controller with one image for the primary release and the AP in a group of its own. */
async function startSecondary(t: Test, fleet: Fleet, relay: UdpRelay, imagePath: string): Promise<AdminClient> {
  const places = ["--data", join(fleet.folder, "secondary"), "--listen", `${fleet.network}.1.2:0`, "--admin", "127.0.0.1:0", "--lab"];
  const controller = new DaemonProcess(["controller", ...places]);
  t.teardown(() => controller.stop());
  const ready = await controller.line(controllerReady);
  relay.server = endpointOf(ready.capwap);
  const admin = new AdminClient(new URL(ready.admin));
  must(await admin.addImage(imagePath, { version: after, models: [plan.model], release: "primary" }, () => {}));
  must(await admin.order({ type: "group-add", group }));
  must(await admin.order({ type: "group-ap-add", group, mac: plan.mac }));
  must(await admin.order({ type: "group-predownload", group, enabled: true }));
  return admin;
}

/** Most of the time these wait, each in a network of its own. */
t.jobs = 2;

for (const sameImage of [true, false]) {
  t.test(sameImage ? "the same image continues where it was" : "another image of that version starts again", async (t) => {
    const fleet = await Fleet.start(t);
    const first = await openRelay(t, `${fleet.network}.2.1`);
    const second = await openRelay(t, `${fleet.network}.2.2`);
    const watch = new SegmentWatch();
    second.observe = (way, bytes) => {
      if (way === "down") watch.see(bytes);
    };
    first.server = endpointOf(fleet.ready.capwap);
    await fleet.join([plan], "--controller", `${endpointText(first.local)},${endpointText(second.local)}`);
    const image = await fleet.addImage(plan.model, imageBytes);
    await fleet.group(group, [plan]);
    const content = sameImage ? image.content : randomBytes(imageBytes);
    const imagePath = join(fleet.folder, "secondary.img");
    writeFileSync(imagePath, content);
    const secondary = await startSecondary(t, fleet, second, imagePath);
    must(await fleet.admin.order({ type: "group-wan", group, wan: { bytesPerSecondMax: bytesPerSecond } }));
    await fleet.start(group);
    await until("half of the image", async () => (await fleet.safeBytes(plan)) >= imageBytes / 2);
    await fleet.controller.kill();
    const safe = await fleet.safeBytes(plan);

    await until("the AP at its secondary controller", async () =>
      must(await secondary.order({ type: "show-ap-summary" })).some(({ state }) => state === "Joined"),
    );
    must(await secondary.order({ type: "group-start", group, release: "primary" }));
    const { run, models } = await until("the end of the run", async () => {
      const view = must(await secondary.order({ type: "show-group", group }));
      return view.run?.state !== "running" && view;
    });
    const [row] = must(await secondary.order({ type: "show-runs", group }))[0]?.aps ?? [];
    t.equal(run?.state, "complete", JSON.stringify(row));
    t.equal(models[0]?.wanCopies, 1);
    const sha256 = createHash("sha256").update(content).digest("hex");
    t.ok((await fleet.stored(plan, sha256))?.equals(content), "the secondary's image, byte for byte");
    const beganAt = watch.startOfOthers(new Set());
    t.comment(`${safe} bytes safe of the first's image, the second's transfer began at ${beganAt}, image ${imageBytes}`);
    if (sameImage) t.ok((beganAt ?? 0) >= safe && safe >= imageBytes / 2, "no byte that was safe is sent again");
    else t.equal(beganAt, 0, "from its first byte");
  });
}
