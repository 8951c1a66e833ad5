/**
 * A WAN line between two network namespaces: controller — router — AP. The router's `tc tbf` is the bottleneck, `net-delay` (NFQUEUE) at the
 * AP's end adds delay and loss, since not every kernel has netem. The bottleneck is not on the controller's host, where TCP would keep
 * no more than two packets in it (TCP Small Queues) while UDP fills it. Needs root, iproute2, iptables and a C compiler with libnetfilter_queue.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lineOf, type Program, startProgram } from "./processes.js";

export interface LineQuality {
  readonly bitsPerSecond: number;
  readonly rttMs: number;
  /** Of the datagrams from the controller, 0 to 1. */
  readonly loss: number;
  /** Of the bottleneck, in bandwidth-delay products. */
  readonly queueShare: number;
}

const run = (...words: readonly string[]): string =>
  execFileSync(words[0] as string, words.slice(1), { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

export class WanLine {
  readonly acSpace = `fxw${process.pid}a`;
  readonly apSpace = `fxw${process.pid}b`;
  readonly acAddress = "10.56.1.1";
  readonly apAddress = "10.56.2.1";
  readonly #acGateway = "10.56.1.254";
  readonly #routerSpace = `fxw${process.pid}r`;
  readonly #delayProgram: string;

  /** What is missing for such a line, undefined when all is there. @param folder for what is compiled */
  static missing(folder: string): string | undefined {
    if (process.getuid?.() !== 0) return "root, for network namespaces";
    for (const program of ["ip", "tc", "iptables", "curl", "cc"]) if (spawnSync("which", [program]).status !== 0) return program;
    const source = fileURLToPath(new URL("../../../bench/support/net-delay.c", import.meta.url));
    const built = spawnSync("cc", ["-O2", "-o", join(folder, "net-delay"), source, "-lnetfilter_queue"]);
    return built.status === 0 ? undefined : "libnetfilter_queue (apt-get install libnetfilter-queue-dev)";
  }

  /** @param folder where `missing` compiled */
  constructor(folder: string) {
    this.#delayProgram = join(folder, "net-delay");
    for (const space of this.#spaces) {
      run("ip", "netns", "add", space);
      run("ip", "-n", space, "link", "set", "lo", "up");
    }
    run("ip", "netns", "exec", this.#routerSpace, "sysctl", "-qw", "net.ipv4.ip_forward=1");
    this.#cable(this.acSpace, this.acAddress, this.#acGateway, "to-ac");
    this.#cable(this.apSpace, this.apAddress, "10.56.2.254", "to-ap");
    const queue = ["-j", "NFQUEUE", "--queue-num", "7", "--queue-bypass"];
    run("ip", "netns", "exec", this.apSpace, "iptables", "-t", "mangle", "-A", "PREROUTING", "-i", "wan", ...queue);
  }

  get #spaces(): readonly string[] {
    return [this.acSpace, this.#routerSpace, this.apSpace];
  }

  #cable(space: string, address: string, routerAddress: string, routerPort: string): void {
    run("ip", "link", "add", "wan", "netns", space, "type", "veth", "peer", "name", routerPort, "netns", this.#routerSpace);
    for (const [where, port, its] of [
      [space, "wan", address],
      [this.#routerSpace, routerPort, routerAddress],
    ] as const) {
      run("ip", "-n", where, "addr", "add", `${its}/24`, "dev", port);
      run("ip", "-n", where, "link", "set", port, "up");
      // A segment that the card would cut up must not pass the rate limit as one packet.
      run("ip", "-n", where, "link", "set", port, "gso_max_segs", "1");
    }
    run("ip", "-n", space, "route", "add", "default", "via", routerAddress);
  }

  remove(): void {
    for (const space of this.#spaces) spawnSync("ip", ["netns", "del", space]);
  }

  /** @returns the program that delays; the line has that quality while it runs */
  async shape({ bitsPerSecond, rttMs, loss, queueShare }: LineQuality): Promise<Program> {
    const queueBytes = Math.round((queueShare * bitsPerSecond * rttMs) / 8000);
    const shaper = ["tbf", "rate", `${bitsPerSecond}bit`, "burst", "3200", "limit", `${queueBytes}`];
    run("ip", "netns", "exec", this.#routerSpace, "tc", "qdisc", "replace", "dev", "to-ap", "root", ...shaper);
    const delay = startProgram(this.apSpace, this.#delayProgram, "7", `${rttMs}`, `${loss}`, "1");
    await lineOf(delay, (text) => text === "ready", 5);
    return delay;
  }

  /**
   * The congestion control of the controller's TCP. By route, since a namespace may not choose its default among all that the kernel has.
   * @returns false where the kernel has none of that name
   */
  setCongestionControl(name: string): boolean {
    const route = ["-n", this.acSpace, "route", "replace", "default", "via", this.#acGateway, "congctl", name];
    return spawnSync("ip", route).status === 0;
  }
}
