/**
 * What `/api/v1/events` streams to a page: one `snapshot`, then `change`s in order, each with an `id:` for Last-Event-ID. A reader that
 * applies them in order holds what the `show` orders would answer. A row that is new comes whole; one that changed comes with its key
 * and the fields that are new, each whole: in a large run bytes move in hundreds of rows at once, and little else does.
 */
import type { Instant } from "../base/time.js";
import type { ControllerEvent } from "../core/controller/events.js";
import type { ApImageRow, ApSummaryRow, BootView, GroupView, ImageView } from "../core/controller/operator/views.js";

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

/** Fields of a row that replace what the reader has under the same key. */
export type ChangedRow<Row, Key extends keyof Row> = Partial<Row> & Pick<Row, Key>;

/** Server-sent event `change`. */
export interface LiveChange {
  readonly now: Instant;
  readonly aps?: readonly ChangedRow<ApSummaryRow, "mac">[];
  readonly images?: readonly ChangedRow<ApImageRow, "mac">[];
  readonly groups?: readonly ChangedRow<GroupView, "name">[];
  readonly groupsGone?: readonly string[];
  /** MAC addresses of APs that the controller has forgotten. */
  readonly apsGone?: readonly string[];
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
