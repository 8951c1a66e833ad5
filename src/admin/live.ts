/**
 * What `/api/v1/events` streams to a page: one `snapshot`, then `change`s in order, each with an `id:` for Last-Event-ID. Changes hold
 * whole rows, never differences: a reader that applies them in order holds what the `show` orders would answer, and a sender may merge
 * what a slow reader has not taken yet.
 */
import type { Instant } from "../base/time.js";
import type { ControllerEvent } from "../core/controller/events.js";
import type { ApImageRow, ApSummaryRow, BootView, GroupView, ImageView } from "../core/controller/views.js";

/** Server-sent event `snapshot`. */
export interface LiveSnapshot {
  /** The controller's clock, so that a page with a wrong one counts right. */
  readonly now: Instant;
  readonly aps: readonly ApSummaryRow[];
  readonly images: readonly ApImageRow[];
  readonly groups: readonly GroupView[];
  readonly catalogue: readonly ImageView[];
  readonly boot: BootView;
  /** Newest last, at most 200. */
  readonly events: readonly LoggedEvent[];
}

/** Server-sent event `change`: whatever is present replaces what the reader has under the same MAC address or name. */
export interface LiveChange {
  readonly now: Instant;
  readonly aps?: readonly ApSummaryRow[];
  readonly images?: readonly ApImageRow[];
  readonly groups?: readonly GroupView[];
  readonly groupsGone?: readonly string[];
  /** Complete when present. */
  readonly catalogue?: readonly ImageView[];
  readonly boot?: BootView;
  /** To append. */
  readonly events?: readonly LoggedEvent[];
}

/** `ap-progress` and `datagram-dropped` are not among them: they come too often to be read. */
export interface LoggedEvent {
  readonly at: Instant;
  readonly event: ControllerEvent;
}
