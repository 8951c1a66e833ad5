import { RateCap } from "../../capwap/image/rate-cap.js";
import type { GroupRecord } from "../records.js";

/** The rates that WAN transfers share: one for the controller, one for each group that has its own. */
export class WanRates {
  readonly #all: RateCap | undefined;
  readonly #groups = new Map<string, RateCap>();

  /** @param bytesPerSecondMax null for no cap */
  constructor(bytesPerSecondMax: number | null) {
    this.#all = bytesPerSecondMax === null ? undefined : new RateCap(bytesPerSecondMax);
  }

  /** What a transfer to an AP of this group keeps to; a changed rate holds for the group's running transfers too. */
  capsFor(group: GroupRecord | undefined): readonly RateCap[] {
    const caps = this.#all === undefined ? [] : [this.#all];
    if (group === undefined) return caps;
    this.groupChanged(group);
    const cap = this.#groups.get(group.name);
    return cap === undefined ? caps : [...caps, cap];
  }

  /** A group's cap stays the same object, so that transfers that hold it follow. */
  groupChanged({ name, wan }: GroupRecord): void {
    const cap = this.#groups.get(name);
    if (cap !== undefined) cap.bytesPerSecond = wan.bytesPerSecondMax ?? Number.POSITIVE_INFINITY;
    else this.#groups.set(name, new RateCap(wan.bytesPerSecondMax ?? Number.POSITIVE_INFINITY));
  }
}
