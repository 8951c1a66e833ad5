/** What crosses the WAN for the images of a run, counted at the controller's socket and stored now and then. */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import type { Outbox } from "../outbox.js";
import { type Member, wanBytesOf } from "./run.js";
import type { RunTable } from "./run-table.js";

/** A killed controller forgets at most what was carried in this time. */
export const countsStoredEveryMs = 5_000;

export class WanCounts {
  readonly #runs: RunTable;
  readonly #outbox: Outbox;
  readonly #unstored = new Set<Member>();
  #storeAt: Instant | undefined;

  constructor(runs: RunTable, outbox: Outbox) {
    this.#runs = runs;
    this.#outbox = outbox;
  }

  /** One datagram that belongs to an image transfer, either way. @param imageOctets of it, image bytes that were sent */
  carried(now: Instant, mac: MacAddress, octets: number, imageOctets: number): void {
    // The last acknowledgement may come when the run is over.
    const member = this.#runs.latestOfAp(mac);
    if (member === undefined) return;
    member.wanWireBytes += octets;
    member.wanSentBytes += imageOctets;
    this.#unstored.add(member);
    this.#storeAt ??= now + countsStoredEveryMs;
  }

  nextWakeAt(): Instant | undefined {
    return this.#storeAt;
  }

  wake(now: Instant): void {
    if (this.#storeAt !== undefined && this.#storeAt <= now) this.store();
  }

  store(): void {
    for (const member of this.#unstored) {
      this.#runs.saveMember(member);
      const { mac, run, lanBytes } = member;
      this.#outbox.event({ type: "ap-bytes", runId: run.id, mac, wanBytes: wanBytesOf(member), lanBytes });
    }
    this.#unstored.clear();
    this.#storeAt = undefined;
  }
}
