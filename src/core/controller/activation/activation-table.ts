/**
 * The latest activation of each group and its APs. Every change of what is stored goes through here, so that the rows are in the outbox
 * before any command is.
 */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Outbox } from "../outbox.js";
import type { ActivationApRecord, ActivationApState, ActivationRecord } from "./activation.js";
import { isEnded } from "./activation-state.js";

export interface Activation {
  record: ActivationRecord;
  readonly aps: Map<MacAddress, ActivatedAp>;
}

export interface ActivatedAp {
  readonly activation: Activation;
  record: ActivationApRecord;
}

/** As stored. */
export interface StoredActivation {
  readonly record: ActivationRecord;
  readonly aps: readonly ActivationApRecord[];
}

export class ActivationTable {
  readonly #outbox: Outbox;
  readonly #ofGroup = new Map<string, Activation>();
  /** The part of each AP in an activation that has not ended. */
  readonly #ofAp = new Map<MacAddress, ActivatedAp>();
  #lastId = 0;

  constructor(stored: readonly StoredActivation[], outbox: Outbox) {
    this.#outbox = outbox;
    for (const { record, aps } of stored) {
      const activation: Activation = { record, aps: new Map() };
      this.#index(activation);
      for (const ap of aps) this.#indexAp({ activation, record: ap });
    }
  }

  get nextId(): number {
    return this.#lastId + 1;
  }

  all(): readonly Activation[] {
    return [...this.#ofGroup.values()];
  }

  of(group: string): Activation | undefined {
    return this.#ofGroup.get(group);
  }

  /** Scheduled ones included. */
  unfinishedOf(group: string): Activation | undefined {
    const activation = this.#ofGroup.get(group);
    return activation && !isEnded(activation.record.state) ? activation : undefined;
  }

  unfinishedOfAp(mac: MacAddress): ActivatedAp | undefined {
    const ap = this.#ofAp.get(mac);
    return ap && !isEnded(ap.activation.record.state) ? ap : undefined;
  }

  add(record: ActivationRecord): Activation {
    this.remove(record.group);
    const activation: Activation = { record, aps: new Map() };
    this.#index(activation);
    this.#outbox.put("activation", record.group, record);
    return activation;
  }

  addAp(activation: Activation, record: ActivationApRecord): void {
    this.#indexAp({ activation, record });
    this.#outbox.put("activation-ap", { group: activation.record.group, mac: record.mac }, record);
  }

  update(activation: Activation, change: Partial<ActivationRecord>): void {
    activation.record = { ...activation.record, ...change };
    this.#outbox.put("activation", activation.record.group, activation.record);
  }

  setAp(ap: ActivatedAp, state: ActivationApState): void {
    ap.record = { ...ap.record, state };
    this.#outbox.put("activation-ap", { group: ap.activation.record.group, mac: ap.record.mac }, ap.record);
  }

  /** The activation of a group that is deleted, or gives way to a new one. */
  remove(group: string): void {
    const activation = this.#ofGroup.get(group);
    if (!activation) return;
    this.#ofGroup.delete(group);
    this.#outbox.remove("activation", group);
    for (const mac of activation.aps.keys()) {
      this.#outbox.remove("activation-ap", { group, mac });
      if (this.#ofAp.get(mac)?.activation === activation) this.#ofAp.delete(mac);
    }
  }

  #index(activation: Activation): void {
    this.#lastId = Math.max(this.#lastId, activation.record.id);
    this.#ofGroup.set(activation.record.group, activation);
  }

  #indexAp(ap: ActivatedAp): void {
    ap.activation.aps.set(ap.record.mac, ap);
    const former = this.#ofAp.get(ap.record.mac);
    if (!former || isEnded(former.activation.record.state)) this.#ofAp.set(ap.record.mac, ap);
  }
}
