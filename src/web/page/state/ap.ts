import type { ApImageRow, ApSummaryRow } from "../../../core/controller/operator/views.js";

/** An AP with its images; `images` is absent until the controller knows its slots. */
export interface Ap {
  readonly summary: ApSummaryRow;
  readonly images: ApImageRow | undefined;
  /** Instant of the next try on this page's clock. */
  readonly retryAt: number | null;
}
