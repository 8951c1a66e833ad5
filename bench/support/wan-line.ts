/**
 * A WAN line between controller and AP: the router of `RoutedSpaces` is its bottleneck. It is not on the controller's host, where TCP would
 * keep no more than two packets in the queue (TCP Small Queues) while UDP fills it.
 */
import { spawnSync } from "node:child_process";
import { noSpaces, RoutedSpaces } from "../../test/support/routed-spaces.js";

export interface LineQuality {
  readonly bitsPerSecond: number;
  readonly rttMs: number;
  /** Of the datagrams from the controller, 0 to 1. */
  readonly loss: number;
  /** Of the bottleneck, in bandwidth-delay products. */
  readonly queueShare: number;
}

export class WanLine {
  readonly spaces: RoutedSpaces;

  private constructor(spaces: RoutedSpaces) {
    this.spaces = spaces;
  }

  /** @param teardown registers cleanup. @returns why no line can be set up here */
  static async open(teardown: (act: () => void) => void): Promise<WanLine | string> {
    const lacking = noSpaces() ?? (spawnSync("curl", ["-V"]).error && "needs curl");
    if (lacking !== undefined) return lacking;
    const line = new WanLine(new RoutedSpaces({ teardown: (act) => teardown(act as () => void) }));
    return (await line.spaces.delay(0)) ?? line;
  }

  async shape({ bitsPerSecond, rttMs, loss, queueShare }: LineQuality): Promise<void> {
    this.spaces.limit(bitsPerSecond, Math.round((queueShare * bitsPerSecond * rttMs) / 8000));
    await this.spaces.delay(rttMs, loss);
  }

  /**
   * The congestion control of the controller's TCP. Set by route, since a namespace cannot choose its default among all that the kernel offers.
   * @returns false if the kernel has none of that name
   */
  setCongestionControl(name: string): boolean {
    const [ip, ...words] = this.spaces.around("ac");
    return spawnSync(ip, [...words, "ip", "route", "replace", "default", "via", this.spaces.gateway, "congctl", name]).status === 0;
  }
}
