/**
 * The controller dies in the middle of a WAN transfer and the AP goes to its secondary one. With the same image there the transfer goes on
 * from the last byte that is safely on the AP's disk; with another image of the same version it starts anew. Three processes; relays count.
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
import { UdpRelay } from "../support/udp-relay.js";

const network = 81;
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
  const places = ["--data", join(fleet.folder, "secondary"), "--listen", `127.${network}.1.2:0`, "--admin", "127.0.0.1:0", "--lab"];
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

for (const sameImage of [true, false]) {
  t.test(sameImage ? "the same image goes on where it was" : "another image of that version starts anew", async (t) => {
    const first = await openRelay(t, `127.${network}.2.1`);
    const second = await openRelay(t, `127.${network}.2.2`);
    const fleet = await Fleet.start(t, network);
    first.server = endpointOf(fleet.ready.capwap);
    await fleet.join([plan], "--controller", `${endpointText(first.local)},${endpointText(second.local)}`);
    const image = await fleet.addImage(plan.model, imageBytes);
    await fleet.group(group, [plan]);
    const content = sameImage ? image.content : randomBytes(imageBytes);
    const imagePath = join(fleet.folder, "secondary.img");
    writeFileSync(imagePath, content);
    const secondary = await startSecondary(t, fleet, second, imagePath);
    must(await fleet.admin.order({ type: "group-wan", group, wan: { bytesPerSecondMax: bytesPerSecond } }));
    const before = first.bytesDown;
    await fleet.start(group);
    await until("half of the image", async () => first.bytesDown - before >= imageBytes / 2);
    const moved = first.bytesDown - before;
    await fleet.controller.kill();

    await until("the AP at its secondary controller", async () =>
      must(await secondary.order({ type: "show-ap-summary" })).some(({ state }) => state === "Joined"),
    );
    const beforeSecond = second.bytesDown;
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
    const movedSecond = second.bytesDown - beforeSecond;
    t.comment(`${moved} bytes from the first, ${movedSecond} from the second, image ${imageBytes}`);
    if (sameImage) t.ok(movedSecond <= imageBytes - moved + 0.03 * imageBytes + bytesPerSecond / 4, `${movedSecond} after ${moved}`);
    else t.ok(movedSecond >= imageBytes, "from its first byte");
  });
}
