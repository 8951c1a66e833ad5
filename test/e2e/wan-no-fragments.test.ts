/**
 * An image over a path that is narrower in the middle than at the controller: three network namespaces, the router's far side has an
 * MTU of 1,400. No IP fragment may appear and the blocks must have the size that the path takes. Needs root, iproute2 and nftables.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { DaemonProcess } from "../../src/daemon/process.js";
import { apReady, controllerReady } from "../../src/daemon/ready.js";
import { loadAddon } from "../../src/runtime/native-addon.js";
import { temporaryFolder } from "../support/folder.js";
import { noSpaces, RoutedSpaces } from "../support/routed-spaces.js";

const narrowMtu = 1_400;
/** The largest size that is tried and fits 1,400 with IPv4 and UDP. */
const blockIpBytes = 1_352 + 28;
const imageBytes = 6 * 2 ** 20;

/** Spaces in which each side of the router counts what of the controller comes in. */
function countedSpaces(t: Test): RoutedSpaces {
  const spaces = new RoutedSpaces(t, narrowMtu);
  const from = `ip saddr ${spaces.addresses.ac} ip`;
  const rules = (device: string): string =>
    [
      "table netdev count {",
      ...["fragments", "blocks", "wide"].map((name) => `counter ${name} {}`),
      "chain arriving {",
      `type filter hook ingress device "${device}" priority 0`,
      `${from} frag-off & 0x3fff != 0 counter name fragments`,
      `${from} length ${blockIpBytes} counter name blocks`,
      `${from} length > ${narrowMtu} counter name wide`,
      "}",
      "}",
    ].join("\n");
  spaces.run("router", "nft", rules("near"));
  spaces.run("ap", "nft", rules("far"));
  return spaces;
}

function counter(spaces: RoutedSpaces, host: "router" | "ap", name: string): number {
  return Number(/packets (\d+)/.exec(spaces.run(host, "nft", "list", "counter", "netdev", "count", name))?.[1]);
}

/** One image to one AP, from the join to the verified slot. @returns what the controller logged, and said of the transfer */
async function transfer(
  t: Test,
  spaces: RoutedSpaces,
  env: NodeJS.ProcessEnv,
  name: string,
): Promise<{ neverFragments: unknown; errors: number }> {
  const folder = temporaryFolder(t);
  const image = join(folder, "new.img");
  writeFileSync(image, randomBytes(imageBytes));
  const admin = "127.0.0.1:8099";
  const places = ["--data", join(folder, "wlc"), "--listen", `${spaces.addresses.ac}:5246`, "--admin", admin, "--lab", "--dtls", "off"];
  const controller = new DaemonProcess(["controller", ...places], env, spaces.around("ac"));
  t.teardown(() => controller.stop());
  await controller.line(controllerReady);
  const facts = ["--name", name, "--mac", "02:00:00:00:57:01", "--model", "AIR-AP2802I", "--version", "8.0", "--lab", "--dtls", "off"];
  const network = ["--controller", `${spaces.addresses.ac}:5246`, "--bind", spaces.addresses.ap, "--tftp-port", "0"];
  const ap = new DaemonProcess(["ap", "--data", join(folder, "ap"), ...facts, ...network], env, spaces.around("ap"));
  t.teardown(() => ap.stop());
  await ap.line(apReady);
  const flexup = (...words: string[]): string =>
    spaces.run(
      "ac",
      "env",
      `FLEXUP_ADMIN=http://${admin}`,
      process.execPath,
      join(import.meta.dirname, "../../../bin/flexup.js"),
      ...words,
    );
  const deadline = performance.now() + 240_000;
  while (!flexup("show", "ap", "summary").includes(name)) {
    if (performance.now() > deadline) throw new Error("the AP did not join");
    await sleep(200);
  }
  flexup("image", "add", image, "--version", "9.0", "--models", "AIR-AP2802I", "--release", "primary");
  flexup("config", "ap", "image", "predownload", "primary", name);
  for (;;) {
    const [row] = JSON.parse(flexup("show", "ap", "image", name, "--json")).aps;
    if (row.status === "Complete") break;
    if (row.status === "Failed" || performance.now() > deadline) throw new Error(`ended as ${JSON.stringify(row)}`);
    await sleep(200);
  }
  const ready = controller.lines.find(({ msg }) => msg === "controller ready");
  const errors = controller.lines.filter(({ msg }) => msg === "the CAPWAP port reported an error").length;
  await ap.stop();
  await controller.stop();
  return { neverFragments: ready?.["neverFragments"], errors };
}

const lacking = noSpaces();
const noAddon = loadAddon("socket-options") === undefined && "the add-on is not built here";
const blocks = Math.floor(imageBytes / 1_344);

t.test("with the add-on no fragment leaves, whatever the kernel has learned", { skip: lacking ?? noAddon }, async (t) => {
  const spaces = countedSpaces(t);
  for (const round of [1, 2]) {
    const before = { blocks: counter(spaces, "ap", "blocks"), wide: counter(spaces, "router", "wide") };
    const { neverFragments, errors } = await transfer(t, spaces, process.env, `AP${round}`);
    t.equal(neverFragments, true);
    t.equal(errors, 0, "a size that does not fit is no error to report");
    const arrived = counter(spaces, "ap", "blocks") - before.blocks;
    const tried = counter(spaces, "router", "wide") - before.wide;
    t.comment(`round ${round}: ${arrived} blocks of ${blockIpBytes} bytes arrived, ${tried} wider ones were tried`);
    t.ok(arrived >= 0.95 * blocks, "blocks have the size that the path takes");
    t.ok(tried >= 1 && tried <= 8, "each wider size is tried once");
    t.equal(counter(spaces, "router", "fragments"), 0, "none from the controller");
    t.equal(counter(spaces, "ap", "fragments"), 0, "none behind the router");
  }
});

t.test(
  "without it a narrow path some way off is found too, while the kernel knows nothing of it",
  { skip: lacking ?? false },
  async (t) => {
    const spaces = countedSpaces(t);
    const why = await spaces.delay(40);
    if (why !== undefined) {
      t.comment(why);
      return;
    }
    const { neverFragments } = await transfer(t, spaces, { ...process.env, FLEXUP_NATIVE: "0" }, "AP1");
    t.equal(neverFragments, false);
    const first = { fragments: counter(spaces, "router", "fragments"), blocks: counter(spaces, "ap", "blocks") };
    t.comment(`${first.fragments} fragments, ${first.blocks} blocks of ${blockIpBytes} bytes`);
    t.equal(first.fragments, 0);
    t.ok(first.blocks >= 0.95 * blocks, "blocks have the size that the path takes");
    // A declared limit: a new session begins again, and the kernel remembers the path's MTU for ten minutes.
    await transfer(t, spaces, { ...process.env, FLEXUP_NATIVE: "0" }, "AP2");
    t.comment(`after a transfer in a new session: ${counter(spaces, "router", "fragments")} fragments`);
  },
);
