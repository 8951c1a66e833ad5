/** What each order answers when it is not refused. */
import type { Result } from "../../../base/failure.js";
import type { RunId } from "../run/run-numbers.js";
import type { StartedRun } from "../run/started-run.js";
import type { Difference } from "./differences.js";
import type { GroupConfig } from "./group-config.js";
import type { Order, OrderType } from "./orders.js";
import type { ReleasesConfig } from "./release-config.js";
import type {
  ActivationPreview,
  ActivationReport,
  ActivationView,
  ApImageView,
  ApSummaryRow,
  BootView,
  CredentialView,
  GroupPreview,
  GroupSummaryRow,
  GroupView,
  ImageAdded,
  ImageView,
  PeerView,
  RunReport,
  RunSummaryRow,
  SystemView,
} from "./views.js";

/** Outcome of an act on several APs. */
export interface ActResult {
  /** Names of the APs that did it. */
  readonly done: readonly string[];
  /** What each of them boots next. */
  readonly boots: readonly { readonly ap: string; readonly version: string }[];
  readonly refused: readonly { readonly ap: string; readonly code: string; readonly message: string }[];
  /** Asked, but silent when the answer was due. */
  readonly pending: readonly string[];
}

/** Runs that a predownload started: one per group that shares over the LAN, one for all APs that use the WAN. */
export interface PredownloadResult {
  readonly runIds: readonly RunId[];
  readonly apCount: number;
}

interface Results {
  readonly "credential-add": { readonly identity: string; readonly key: string };
  readonly "credential-list": readonly CredentialView[];
  readonly "group-preview": GroupPreview;
  readonly "group-start": StartedRun;
  readonly "group-abort": { readonly runId: RunId };
  readonly "group-activate": ActivationView;
  readonly "group-activation-preview": ActivationPreview;
  readonly "group-activation-pause": ActivationView;
  readonly "group-activation-resume": ActivationView;
  readonly "group-activation-abort": ActivationView;
  readonly "show-activation": ActivationReport;
  readonly "ap-predownload": PredownloadResult;
  readonly "ap-predownload-abort": { readonly apCount: number };
  readonly "ap-swap": ActResult;
  readonly "ap-reset": ActResult;
  readonly "image-add": ImageAdded;
  readonly "image-remove": ImageView;
  readonly "show-ap-image": ApImageView;
  readonly "show-ap-summary": readonly ApSummaryRow[];
  readonly "show-group-summary": readonly GroupSummaryRow[];
  readonly "show-group": GroupView;
  readonly "config-replace": { readonly changes: readonly string[] };
  readonly "show-config": { readonly releases: ReleasesConfig; readonly groups: readonly GroupConfig[] };
  readonly "show-boot": BootView;
  readonly "show-images": readonly ImageView[];
  readonly "show-peer": { readonly peer: PeerView | null };
  readonly "show-system": SystemView;
  readonly "show-runs": readonly RunReport[];
  readonly "show-run-summary": readonly RunSummaryRow[];
  readonly "show-run": RunReport;
}

/** `null` for an order that only says that it was done. */
export type ResultOf<T extends OrderType> = T extends keyof Results ? Results[T] : null;
/** What came of an order, and what it changed. */
export interface CarriedOut<T extends OrderType> {
  readonly result: Result<ResultOf<T>>;
  readonly changes: readonly Difference[];
}
export type OrderValue = ResultOf<Order["type"]>;
