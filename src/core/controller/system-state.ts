/** What the process around the machine tells about itself: whether it can store, and until when its certificate is valid. */
import type { Instant } from "../../base/time.js";
import { isQuery, type MachineOrder } from "./operator/orders.js";
import { refuse } from "./operator/refusals.js";
import type { SystemView } from "./operator/views.js";
import type { Outbox } from "./outbox.js";

export type SystemFacts = Pick<SystemView, "storage" | "certificate" | "link" | "signatures">;

/** Acts that need no space, or make some. */
const allowedWhenReadOnly: ReadonlySet<MachineOrder["type"]> = new Set(["group-abort", "ap-predownload-abort", "image-remove"]);

export class SystemState {
  readonly #outbox: Outbox;
  #view: SystemView;

  constructor(now: Instant, version: string, outbox: Outbox) {
    this.#outbox = outbox;
    this.#view = { version, startedAt: now, storage: { state: "writable" }, link: "clear", signatures: "unverified", certificate: null };
  }

  view(): SystemView {
    return this.#view;
  }

  update(facts: SystemFacts): void {
    const former = this.#view.storage;
    this.#view = { ...this.#view, ...facts };
    const { storage } = facts;
    if (storage.state !== former.state)
      this.#outbox.event({ type: "storage", state: storage.state, reason: storage.state === "read-only" ? storage.reason : null });
  }

  /** Why an order cannot be carried out: what it changes could not be stored. */
  objection(order: MachineOrder): ReturnType<typeof refuse.storageReadOnly> | undefined {
    const { storage } = this.#view;
    if (storage.state === "writable" || isQuery(order) || allowedWhenReadOnly.has(order.type)) return undefined;
    return refuse.storageReadOnly(storage.reason);
  }
}
