/**
 * A controller's host, a router and an AP's host as network namespaces with names of this process. Needs root, iproute2, nftables;
 * for delay also a C compiler and libnetfilter_queue.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Test } from "tap";
import { temporaryFolder } from "./folder.js";

const acAddress = "10.57.1.1";
const apAddress = "10.57.2.1";

const run = (program: string, ...args: string[]): string => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
};

/** Why there can be none here. */
export function noSpaces(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, for network namespaces";
  for (const program of ["ip", "nft", "tc", "iptables"]) if (spawnSync(program, ["-V"]).error !== undefined) return `needs ${program}`;
  const trial = `fxr${process.pid}t`;
  const tried = spawnSync("ip", ["netns", "add", trial]);
  spawnSync("ip", ["netns", "del", trial]);
  return tried.status === 0 ? undefined : "the system allows no network namespaces";
}

export type Host = "ac" | "router" | "ap";

/** A test, or a benchmark's own list of what to do at its end. */
type Owner = Pick<Test, "teardown">;

export class RoutedSpaces {
  readonly addresses = { ac: acAddress, ap: apAddress };
  /** The router as the controller's host sees it. */
  readonly gateway = "10.57.1.254";
  readonly #t: Owner;
  #delayProgram: string | undefined;
  #delay: ChildProcess | undefined;

  /** @param narrowMtuBytes of the link between router and AP */
  constructor(t: Owner, narrowMtuBytes = 1_500) {
    this.#t = t;
    const hosts = ["ac", "router", "ap"] as const;
    t.teardown(() => {
      for (const host of hosts) spawnSync("ip", ["netns", "del", this.#name(host)]);
    });
    for (const host of hosts) {
      run("ip", "netns", "add", this.#name(host));
      run("ip", "-n", this.#name(host), "link", "set", "lo", "up");
    }
    this.#link("ac", "router", "near", 1_500);
    this.#link("router", "ap", "far", narrowMtuBytes);
    this.#address("ac", "near", acAddress);
    this.#address("router", "near", this.gateway);
    this.#address("router", "far", "10.57.2.254");
    this.#address("ap", "far", apAddress);
    run("ip", "-n", this.#name("ac"), "route", "add", "default", "via", this.gateway);
    run("ip", "-n", this.#name("ap"), "route", "add", "default", "via", "10.57.2.254");
    this.run("router", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
  }

  /** What goes before a command that is to run there. */
  around(host: Host): [string, ...string[]] {
    return ["ip", "netns", "exec", this.#name(host)];
  }

  /** @throws Error for a command that fails */
  run(host: Host, ...command: string[]): string {
    const [program, ...words] = [...this.around(host), ...command] as [string, ...string[]];
    return run(program, ...words);
  }

  /** A bottleneck towards the AP. */
  limit(bitsPerSecond: number, queueBytes: number): void {
    const rate = ["rate", `${bitsPerSecond}bit`, "burst", "3200", "limit", `${queueBytes}`];
    this.run("router", "tc", "qdisc", "replace", "dev", "far", "root", "tbf", ...rate);
  }

  /**
   * Packets of the controller wait, and are lost, before the router looks at them; takes the place of an earlier delay.
   * @param loss 0 to 1
   * @returns why they cannot
   */
  async delay(delayMs: number, loss = 0): Promise<string | undefined> {
    if (this.#delayProgram === undefined) {
      const program = join(temporaryFolder(this.#t), "net-delay");
      const source = join(import.meta.dirname, "../../../bench/support/net-delay.c");
      if (spawnSync("cc", ["-O2", "-o", program, source, "-lnetfilter_queue"]).status !== 0)
        return "needs a C compiler and libnetfilter_queue (apt-get install libnetfilter-queue-dev)";
      const queue = ["-t", "mangle", "-A", "PREROUTING", "-i", "near", "-j", "NFQUEUE", "--queue-num", "7", "--queue-bypass"];
      this.run("router", "iptables", ...queue);
      this.#t.teardown(() => this.#delay?.kill("SIGKILL"));
      this.#delayProgram = program;
    }
    if (this.#delay?.kill("SIGKILL")) await once(this.#delay, "exit");
    const [ip, ...words] = [...this.around("router"), this.#delayProgram, "7", `${delayMs}`, `${loss}`, "1"] as [string, ...string[]];
    const delay = spawn(ip, words, { stdio: ["ignore", "pipe", "inherit"] });
    this.#delay = delay;
    await once(delay.stdout, "data");
    return undefined;
  }

  #name(host: Host): string {
    return `fxr${process.pid}${host}`;
  }

  #link(near: Host, far: Host, device: string, mtuBytes: number): void {
    const mtu = ["mtu", `${mtuBytes}`];
    const ends = [...mtu, "netns", this.#name(near), "type", "veth", "peer", "name", device, ...mtu, "netns", this.#name(far)];
    run("ip", "link", "add", device, ...ends);
    for (const host of [near, far]) {
      run("ip", "-n", this.#name(host), "link", "set", device, "up");
      // What the card would cut up must not pass a rate limit as one packet.
      run("ip", "-n", this.#name(host), "link", "set", device, "gso_max_segs", "1");
    }
  }

  #address(host: Host, device: string, address: string): void {
    run("ip", "-n", this.#name(host), "addr", "add", `${address}/24`, "dev", device);
  }
}
