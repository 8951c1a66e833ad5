/**
 * The controller dies in the middle of a WAN transfer and the AP goes to its secondary one. With the same image there the transfer goes on
 * from the last byte that is safely on the AP's disk; with another image of the same version it starts anew. Three processes; relays count.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { AdminClient } from "../../src/admin/client.js";
import { endpointText, parseHostPort } from "../../src/base/endpoint.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { controllerReady } from "../../src/daemon/ready.js";
import { after, Branch, macOf, must } from "../support/branch.js";
import { UdpRelay } from "../support/udp-relay.js";

const net = 81;
const imageBytes = 12 * 2 ** 20;
const bytesPerSecond = 4 * 2 ** 20;
const group = "branch";

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
async function startSecondary(t: Test, branch: Branch, relay: UdpRelay, imagePath: string): Promise<AdminClient> {
  const places = ["--data", join(branch.folder, "secondary"), "--listen", `127.${net}.1.2:0`, "--admin", "127.0.0.1:0", "--lab"];
  const controller = new DaemonProcess(["controller", ...places]);
  t.teardown(() => controller.stop());
  const ready = await controller.line(controllerReady);
  relay.server = endpointOf(ready.capwap);
  const admin = new AdminClient(new URL(ready.admin));
  must(await admin.addImage(imagePath, { version: after, models: ["AIR-AP2802I"], release: "primary" }, () => {}));
  must(await admin.order({ type: "group-add", group }));
  must(await admin.order({ type: "group-ap-add", group, mac: macOf(1) }));
  must(await admin.order({ type: "group-predownload", group, enabled: true }));
  return admin;
}

for (const sameImage of [true, false]) {
  t.test(sameImage ? "the same image goes on where it was" : "another image of that version starts anew", async (t) => {
    const first = await openRelay(t, `127.${net}.2.1`);
    const second = await openRelay(t, `127.${net}.2.2`);
    const branch = await Branch.start(t, {
      net,
      apCount: 1,
      imageBytes,
      apArgs: () => ["--controller", `${endpointText(first.local)},${endpointText(second.local)}`],
      onController: (capwap) => {
        first.server = endpointOf(capwap);
      },
    });
    let { path: imagePath, sha256 } = branch.image;
    if (!sameImage) {
      const other = randomBytes(imageBytes);
      imagePath = join(branch.folder, "other.img");
      writeFileSync(imagePath, other);
      sha256 = createHash("sha256").update(other).digest("hex");
    }
    const secondary = await startSecondary(t, branch, second, imagePath);
    must(await branch.admin.order({ type: "group-wan", group, wan: { bytesPerSecondMax: bytesPerSecond } }));
    const before = first.bytesDown;
    await branch.startRun();
    await branch.until("half of the image", async () => first.bytesDown - before >= imageBytes / 2);
    const moved = first.bytesDown - before;
    await branch.controller.kill();

    const joined = async (): Promise<boolean> =>
      must(await secondary.order({ type: "show-ap-summary" })).some(({ state }) => state === "Joined");
    await waitFor("the AP at its secondary controller", joined);
    const beforeSecond = second.bytesDown;
    must(await secondary.order({ type: "group-start", group, release: "primary" }));
    const runOf = async () => must(await secondary.order({ type: "show-group", group }));
    await waitFor("the end of the run", async () => (await runOf()).run?.state !== "running");
    const { run, models } = await runOf();
    const [row] = must(await secondary.order({ type: "show-runs", group }))[0]?.aps ?? [];
    t.equal(run?.state, "complete", JSON.stringify(row));
    t.equal(models[0]?.wanCopies, 1);
    const stored = readdirSync(branch.dataOf(1)).find((name) => name.endsWith(`-${sha256}.image`)) ?? "none";
    const storedPath = join(branch.dataOf(1), stored);
    t.ok(existsSync(storedPath) && readFileSync(storedPath).equals(readFileSync(imagePath)), "the secondary's image, byte for byte");
    const movedSecond = second.bytesDown - beforeSecond;
    t.comment(`${moved} bytes from the first, ${movedSecond} from the second, image ${imageBytes}`);
    if (sameImage) t.ok(movedSecond <= imageBytes - moved + 0.03 * imageBytes + bytesPerSecond / 4, `${movedSecond} after ${moved}`);
    else t.ok(movedSecond >= imageBytes, "from its first byte");
  });
}

async function waitFor(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited for ${what} in vain`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
