/**
 * What an operator can ask of a controller: the one list that the admin API, the CLI and the page share.
 * Each order gets exactly one `reply` with a Result; a refused order has changed nothing.
 */

import type { Instant } from "../../../base/time.js";
import type { ReleaseName } from "../../upgrade/limits.js";
import type { ActivationSequence, BatchRule } from "../activation/activation.js";
import type { GroupConfig } from "./group-config.js";
import type { GroupSettingsChange, GroupWanPolicy } from "./group-settings.js";
import type { ImageBundle, NewImage } from "./new-image.js";
import type { ReleasesConfig } from "./release-config.js";

/** An AP by its name or MAC address in any usual spelling, in any letter case. */
export type ApSelector = string;

export type Order =
  | CredentialOrder
  | { readonly type: "group-add"; readonly group: string }
  | { readonly type: "group-delete"; readonly group: string }
  | { readonly type: "group-ap-add"; readonly group: string; readonly mac: string }
  | { readonly type: "group-ap-delete"; readonly group: string; readonly mac: string }
  /** Settings left out keep their value. */
  | { readonly type: "group-set"; readonly group: string; readonly settings: GroupSettingsChange }
  | SettingOrder
  /** Manual primary for its model; replaces the manual primary that the model had. */
  | { readonly type: "group-primary-add"; readonly group: string; readonly ap: ApSelector }
  | { readonly type: "group-primary-remove"; readonly group: string; readonly ap: ApSelector }
  /** Forced subordinate: never elected. */
  | { readonly type: "group-subordinate-add"; readonly group: string; readonly ap: ApSelector }
  | { readonly type: "group-subordinate-remove"; readonly group: string; readonly ap: ApSelector }
  /** What `group-start` would do now, as a GroupPreview; nothing is sent and nothing changes. */
  | { readonly type: "group-preview"; readonly group: string; readonly release: ReleaseName; readonly link?: LinkRates }
  /** `force`: also while the peer controller is known to hold other images. */
  | { readonly type: "group-start"; readonly group: string; readonly release: ReleaseName; readonly force?: boolean | undefined }
  | { readonly type: "group-abort"; readonly group: string }
  /** The APs of the group boot the image of their last run, in batches; options left out have the defaults of `activation-orders.ts`. */
  | ({ readonly type: "group-activate"; readonly group: string; readonly at?: Instant | undefined } & ActivationRequest)
  /** What `group-activate` would do now, as an ActivationPreview. */
  | ({ readonly type: "group-activation-preview"; readonly group: string } & ActivationRequest)
  /** No further batch; the one under way is finished. */
  | { readonly type: "group-activation-pause"; readonly group: string }
  | { readonly type: "group-activation-resume"; readonly group: string }
  /** The same as a pause, for good: APs that were not ordered yet stay as they are. */
  | { readonly type: "group-activation-abort"; readonly group: string }
  | { readonly type: "show-activation"; readonly group: string }
  | {
      readonly type: "ap-predownload";
      readonly ap: ApSelector | "all";
      readonly release: ReleaseName;
      readonly force?: boolean | undefined;
    }
  | { readonly type: "ap-predownload-abort"; readonly ap: ApSelector | "all" }
  /**
   * The image of an AP's last run boots next, whatever was swapped before. Once a reset has activated it, a swap goes back to the image
   * before it; for all APs, only where a release still has that. An AP whose backup is another image or an older version is skipped; `force`
   * exchanges its images all the same.
   */
  | { readonly type: "ap-swap"; readonly ap: ApSelector | "all"; readonly force?: boolean | undefined }
  | { readonly type: "ap-reset"; readonly ap: ApSelector | "all" }
  /** An AP that is gone for good: it leaves its group, too. */
  | { readonly type: "ap-forget"; readonly ap: ApSelector }
  /** The runtime has stored and measured the file before it gives this order. */
  | { readonly type: "image-add"; readonly image: NewImage; readonly bundle?: ImageBundle | undefined }
  | { readonly type: "image-remove"; readonly imageId: string }
  | { readonly type: "show-ap-image"; readonly ap: ApSelector | "all" }
  | { readonly type: "show-ap-summary" }
  | { readonly type: "show-group-summary" }
  | { readonly type: "show-group"; readonly group: string }
  /**
   * All groups and both releases as they are given, or nothing; with `check` only what would change. Without `releases` they stay.
   * Answers the differences.
   */
  | {
      readonly type: "config-replace";
      readonly releases?: ReleasesConfig | undefined;
      readonly groups: readonly GroupConfig[];
      readonly check: boolean;
    }
  | { readonly type: "show-config" }
  | { readonly type: "show-boot" }
  | { readonly type: "show-images" }
  /** The peer controller, and how its images compare with this one's. */
  | { readonly type: "show-peer" }
  /** The controller itself: version, whether it can store, its certificate. */
  | { readonly type: "show-system" }
  /** Reports of the runs of a group, or of all runs, newest first: `limit` of them (20), those older than the run `before` where it is given. */
  | {
      readonly type: "show-runs";
      readonly group: string | null;
      readonly limit?: number | undefined;
      readonly before?: number | undefined;
    }
  /** The same without the rows of their APs, which may be tens of thousands. */
  | { readonly type: "show-run-summary" }
  | { readonly type: "show-run"; readonly run: number };

export interface ActivationRequest {
  readonly batch?: BatchRule | undefined;
  readonly pauseSeconds?: number | undefined;
  readonly failuresMax?: number | undefined;
  readonly order?: ActivationSequence | undefined;
  readonly canary?: readonly ApSelector[] | undefined;
  readonly force?: boolean | undefined;
}

/** An AP's pre-shared key for DTLS. `credential-add` answers it this once; in place of the key that the AP had. */
export type CredentialOrder =
  | { readonly type: "credential-add"; readonly mac: string }
  /** Revoked: the AP's link ends, and it stays out. */
  | { readonly type: "credential-delete"; readonly mac: string }
  /** Without the keys. */
  | { readonly type: "credential-list" };

export const isCredentialOrder = (order: Order): order is CredentialOrder => order.type.startsWith("credential-");

export type OrderType = Order["type"];

/** What the machine carries out; its host keeps credentials. */
export type MachineOrder = Exclude<Order, CredentialOrder>;
export type MachineOrderType = MachineOrder["type"];

/** Older spellings of `group-set`, kept for scripts: each sets what its name says. */
export type SettingOrder =
  | { readonly type: "group-predownload"; readonly group: string; readonly enabled: boolean }
  | { readonly type: "group-retry-count"; readonly group: string; readonly retryCount: number }
  | { readonly type: "group-backoff"; readonly group: string; readonly minSeconds: number; readonly maxSeconds: number }
  | { readonly type: "group-wave2-refetch"; readonly group: string; readonly enabled: boolean }
  | { readonly type: "group-wan"; readonly group: string; readonly wan: Partial<GroupWanPolicy> };

/** Whether an order leaves everything as it is. */
export const isQuery = (order: Order): boolean =>
  order.type.startsWith("show-") ||
  order.type === "credential-list" ||
  order.type === "group-preview" ||
  order.type === "group-activation-preview" ||
  (order.type === "config-replace" && order.check);

/** What a forecast takes the branch's links to carry, in image bytes a second. */
export interface LinkRates {
  readonly wanBytesPerSecond: number;
  readonly lanBytesPerSecond: number;
}
