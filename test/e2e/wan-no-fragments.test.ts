/**
 * An image over a path that is narrower in the middle than at the controller: three network namespaces, the router's far side has an
 * MTU of 1,400. No IP fragment may appear and the blocks must have the size that the path takes. Needs root, iproute2 and nftables.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { DaemonProcess } from "../../src/daemon/process.js";
import { apReady, controllerReady } from "../../src/daemon/ready.js";
import { loadAddon } from "../../src/runtime/native-addon.js";
import { temporaryFolder } from "../support/folder.js";

const prefix = `fxf${process.pid}`;
const [acSpace, routerSpace, apSpace] = [`${prefix}a`, `${prefix}r`, `${prefix}b`];
const acAddress = "10.57.1.1";
const apAddress = "10.57.2.1";
const narrowMtu = 1_400;
/** The largest size that is tried and fits 1,400 with IPv4 and UDP. */
const blockIpBytes = 1_352 + 28;
const imageBytes = 6 * 2 ** 20;

const run = (program: string, ...args: string[]): string => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
};
const inside = (space: string): [string, ...string[]] => ["ip", "netns", "exec", space];
const runInside = (space: string, ...command: string[]): string => {
  const [program, ...words] = [...inside(space), ...command] as [string, ...string[]];
  return run(program, ...words);
};

function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, for network namespaces";
  for (const program of ["ip", "nft"]) if (spawnSync(program, ["-V"]).error !== undefined) return `needs ${program}`;
  const tried = spawnSync("ip", ["netns", "add", `${prefix}t`]);
  spawnSync("ip", ["netns", "del", `${prefix}t`]);
  return tried.status === 0 ? undefined : "the system allows no network namespaces";
}

/** Controller, router, AP; each side of the router counts what comes in from the controller's side and what arrives at the AP. */
function makeSpaces(t: Test): void {
  t.teardown(() => {
    for (const space of [acSpace, routerSpace, apSpace]) spawnSync("ip", ["netns", "del", space]);
  });
  for (const space of [acSpace, routerSpace, apSpace]) {
    run("ip", "netns", "add", space);
    run("ip", "-n", space, "link", "set", "lo", "up");
  }
  const wire = (near: string, far: string, name: string, mtu: number): void => {
    run("ip", "link", "add", name, "mtu", `${mtu}`, "netns", near, "type", "veth", "peer", "name", name, "mtu", `${mtu}`, "netns", far);
    for (const space of [near, far]) run("ip", "-n", space, "link", "set", name, "up");
  };
  wire(acSpace, routerSpace, "near", 1_500);
  wire(routerSpace, apSpace, "far", narrowMtu);
  run("ip", "-n", acSpace, "addr", "add", `${acAddress}/24`, "dev", "near");
  run("ip", "-n", routerSpace, "addr", "add", "10.57.1.254/24", "dev", "near");
  run("ip", "-n", routerSpace, "addr", "add", "10.57.2.254/24", "dev", "far");
  run("ip", "-n", apSpace, "addr", "add", `${apAddress}/24`, "dev", "far");
  run("ip", "-n", acSpace, "route", "add", "default", "via", "10.57.1.254");
  run("ip", "-n", apSpace, "route", "add", "default", "via", "10.57.2.254");
  runInside(routerSpace, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
  const from = `ip saddr ${acAddress} ip`;
  const counted = (device: string): string =>
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
  runInside(routerSpace, "nft", counted("near"));
  runInside(apSpace, "nft", counted("far"));
}

function counter(space: string, name: string): number {
  return Number(/packets (\d+)/.exec(runInside(space, "nft", "list", "counter", "netdev", "count", name))?.[1]);
}

/** One image to one AP, from the join to the verified slot. @returns what the controller logged, and said of the transfer */
async function transfer(t: Test, env: NodeJS.ProcessEnv, name: string): Promise<{ neverFragments: unknown; errors: number }> {
  const folder = temporaryFolder(t);
  const image = join(folder, "new.img");
  writeFileSync(image, randomBytes(imageBytes));
  const admin = "127.0.0.1:8099";
  const places = ["--data", join(folder, "wlc"), "--listen", `${acAddress}:5246`, "--admin", admin, "--lab"];
  const controller = new DaemonProcess(["controller", ...places], env, inside(acSpace));
  t.teardown(() => controller.stop());
  await controller.line(controllerReady);
  const facts = ["--name", name, "--mac", "02:00:00:00:57:01", "--model", "AIR-AP2802I", "--version", "8.0", "--lab"];
  const network = ["--controller", `${acAddress}:5246`, "--bind", apAddress, "--tftp-port", "0"];
  const ap = new DaemonProcess(["ap", "--data", join(folder, "ap"), ...facts, ...network], env, inside(apSpace));
  t.teardown(() => ap.stop());
  await ap.line(apReady);
  const flexup = (...words: string[]): string =>
    runInside(
      acSpace,
      "env",
      `FLEXUP_ADMIN=http://${admin}`,
      process.execPath,
      join(import.meta.dirname, "../../../bin/flexup.js"),
      ...words,
    );
  const deadline = performance.now() + 60_000;
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

const lacking = missing();
const noAddon = loadAddon("socket-options") === undefined && "the add-on is not built here";
const blocks = Math.floor(imageBytes / 1_344);

t.test("with the add-on no fragment leaves, whatever the kernel has learned", { skip: lacking ?? noAddon }, async (t) => {
  makeSpaces(t);
  for (const round of [1, 2]) {
    const before = { blocks: counter(apSpace, "blocks"), wide: counter(routerSpace, "wide") };
    const { neverFragments, errors } = await transfer(t, process.env, `AP${round}`);
    t.equal(neverFragments, true);
    t.equal(errors, 0, "a size that does not fit is no error to report");
    const arrived = counter(apSpace, "blocks") - before.blocks;
    const tried = counter(routerSpace, "wide") - before.wide;
    t.comment(`round ${round}: ${arrived} blocks of ${blockIpBytes} bytes arrived, ${tried} wider ones were tried`);
    t.ok(arrived >= 0.95 * blocks, "blocks have the size that the path takes");
    t.ok(tried >= 1 && tried <= 8, "each wider size is tried once");
    t.equal(counter(routerSpace, "fragments"), 0, "none from the controller");
    t.equal(counter(apSpace, "fragments"), 0, "none behind the router");
  }
});

/** Packets of the controller wait in the router before it sees that they are too large. @returns why it cannot */
async function delayInRouter(t: Test, delayMs: number): Promise<string | undefined> {
  const program = join(temporaryFolder(t), "net-delay");
  const source = join(import.meta.dirname, "../../../bench/support/net-delay.c");
  const { status } = spawnSync("cc", ["-O2", "-o", program, source, "-lnetfilter_queue"]);
  if (status !== 0) return "needs a C compiler and libnetfilter_queue";
  const queue = ["-t", "mangle", "-A", "PREROUTING", "-i", "near", "-j", "NFQUEUE", "--queue-num", "7", "--queue-bypass"];
  runInside(routerSpace, "iptables", ...queue);
  const [ip, ...words] = inside(routerSpace);
  const delay = spawn(ip, [...words, program, "7", `${delayMs}`, "0", "1"], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => delay.kill("SIGKILL"));
  await once(delay.stdout, "data");
  return undefined;
}

t.test(
  "without it a narrow path some way off is found too, while the kernel knows nothing of it",
  { skip: lacking ?? false },
  async (t) => {
    makeSpaces(t);
    const why = await delayInRouter(t, 40);
    if (why !== undefined) {
      t.comment(why);
      return;
    }
    const { neverFragments } = await transfer(t, { ...process.env, FLEXUP_NATIVE: "0" }, "AP1");
    t.equal(neverFragments, false);
    const first = { fragments: counter(routerSpace, "fragments"), blocks: counter(apSpace, "blocks") };
    t.comment(`${first.fragments} fragments, ${first.blocks} blocks of ${blockIpBytes} bytes`);
    t.equal(first.fragments, 0);
    t.ok(first.blocks >= 0.95 * blocks, "blocks have the size that the path takes");
    // A declared limit: a new session begins anew, and the kernel remembers the path's MTU for ten minutes.
    await transfer(t, { ...process.env, FLEXUP_NATIVE: "0" }, "AP2");
    t.comment(`after a transfer in a new session: ${counter(routerSpace, "fragments")} fragments`);
  },
);
