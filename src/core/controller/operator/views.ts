/**
 * What the controller shows: the JSON of `--json`, of the admin API and of the page. Field names are a
 * promise to scripts; add, never rename.
 */

import type { Failure } from "../../../base/failure.js";
import type { Sha256Hex } from "../../../base/sha256.js";
import type { Instant } from "../../../base/time.js";
import type { FailureReason } from "../../../wire/capwap/vendor.js";
import type { ReleaseName } from "../../upgrade/limits.js";
import type { ActivationApPhase, ActivationOptions } from "../activation/activation.js";
import type { ActivationState } from "../activation/activation-state.js";
import type { ApLink } from "../ap-port.js";
import type { FirstStep } from "../run/first-step.js";
import type { RunState } from "../run/run.js";
import type { Distribution, GroupSettings } from "./group-settings.js";
import type { LinkRates } from "./orders.js";

/** `show ap image` status words, one word where the vendor's table needs one (`NotSupported` is printed `Not Supported` in counts only). */
export type PredownloadStatus = "None" | "Initiated" | "Predownloading" | "Complete" | "Failed" | "NotSupported";

/** The four roles of the vendor's MIB; null outside a run with the feature on. */
export type PredownloadRole = "primaryCentral" | "primaryLocal" | "subordinateCentral" | "subordinateLocal";

export interface ApImageRow {
  /** As `show ap image` prints it: blanks in the name that the AP gives itself are underscores. */
  readonly name: string;
  readonly mac: string;
  readonly model: string;
  readonly group: string | null;
  readonly joined: boolean;
  /** Instant (ms since the epoch) when it was last heard of. */
  readonly lastSeenAt: number;
  readonly role: PredownloadRole | null;
  /** Version in the slot that boots next, `0.0.0.0` when empty. */
  readonly primaryImage: string;
  readonly backupImage: string;
  readonly status: PredownloadStatus;
  /** Version being or last predownloaded. */
  readonly version: string | null;
  /** Whole seconds to the next try, null when none is planned. */
  readonly nextRetrySeconds: number | null;
  /** Tries spent in this run, null outside a run. */
  readonly retryCount: number | null;
  readonly source: "wan" | "lan" | null;
  /** Image bytes in the current or last run: that crossed the WAN to it, resent ones included, and that it received over the LAN. */
  readonly wanBytes: number;
  readonly lanBytes: number;
  /** Why it failed, or why it waits for another try. */
  readonly failureReason: FailureReason | null;
  /** Bytes of the image received in the current transfer, and its size. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Rate and whole seconds left of the current transfer; null while nobody can tell. */
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
  /**
   * Octets of UDP payload of all Image Data messages between controller and AP, both ways, in the current or last run, as the
   * controller's socket carried them: `wanBytes` and what it took to move them.
   */
  readonly wanWireBytes: number;
}

export interface ApImageView {
  /** APs that are joined, as in the counts; the rows are of all. */
  readonly total: number;
  readonly counts: {
    readonly initiated: number;
    readonly downloading: number;
    readonly predownloading: number;
    readonly completedPredownloading: number;
    readonly notSupported: number;
    readonly failedToPredownload: number;
  };
  readonly aps: readonly ApImageRow[];
}

export interface ApSummaryRow {
  readonly name: string;
  readonly mac: string;
  readonly model: string;
  readonly family: string;
  readonly address: string | null;
  readonly group: string | null;
  /** `Joined` while a CAPWAP session is in Run. */
  readonly state: "Joined" | "Not Joined";
  readonly runningVersion: string;
  /** Instant (ms since the epoch) of the last join, null before the first. */
  readonly joinedAt: number | null;
  /** Instant when it was last heard of. */
  readonly lastSeenAt: number;
  readonly serial: string;
  /** How its control messages travel; null while it is not joined. */
  readonly link: ApLink | null;
  /** Whether it takes signed images alone, or any; null while it is not joined. */
  readonly signature: "required" | "unsigned" | null;
  /** The last reset that the controller sent: did the AP come back on that version? Null before the first. */
  readonly reset: { readonly version: string; readonly state: "waiting" | "confirmed" | "unconfirmed" } | null;
}

export interface GroupSummaryRow {
  readonly name: string;
  readonly apCount: number;
  readonly predownload: boolean;
  readonly runState: RunState | null;
}

export interface GroupView extends GroupSettings {
  readonly name: string;
  readonly aps: readonly {
    readonly mac: string;
    readonly name: string | null;
    readonly model: string | null;
    readonly status: "Joined" | "Not Joined";
    readonly forcedSubordinate: boolean;
  }[];
  /** The primaries: of the run while there is one, else those that an election would choose now. */
  readonly models: readonly ModelView[];
  readonly run: RunView | null;
  /** Transfers of the run that move now. */
  readonly transfers: readonly TransferView[];
  /** The latest activation; null before the first. */
  readonly activation: ActivationView | null;
  /** APs that `group-activate` would boot into the image of their last run; 0 while a run or an activation is in progress. */
  readonly readyToActivate: number;
}

/** Counts of APs by what they are doing. */
export interface ActivationCounts {
  readonly waiting: number;
  readonly underWay: number;
  readonly active: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface ActivationView {
  readonly id: number;
  readonly group: string;
  readonly state: ActivationState;
  readonly options: Omit<ActivationOptions, "canary"> & { readonly canary: readonly string[] };
  readonly orderedAt: number;
  /** Null before its time has come. */
  readonly startedAt: number | null;
  readonly counts: ActivationCounts;
  /** In the order in which they are activated; empty before its time has come. */
  readonly batches: readonly { readonly canary: boolean; readonly failuresMax: number | null; readonly counts: ActivationCounts }[];
}

/** The same with a row for each AP. */
export interface ActivationReport extends ActivationView {
  readonly aps: readonly {
    readonly mac: string;
    readonly name: string | null;
    /** Index of its batch; null where it was skipped from the start. */
    readonly batch: number | null;
    /** The version that it is to run. */
    readonly version: string | null;
    readonly phase: ActivationApPhase;
    /** Why it failed or was skipped. */
    readonly reason: string | null;
  }[];
}

/** What a `group-activate` would do now. */
export interface ActivationPreview {
  readonly group: string;
  /** Why it would be refused, null when it would not be. */
  readonly objection: Failure | null;
  readonly batches: readonly {
    readonly canary: boolean;
    readonly failuresMax: number | null;
    /** From the start, if each AP reboots in `assumedRebootSeconds`; a canary's wait for an operator counts as none. */
    readonly startsAfterSeconds: number;
    readonly aps: readonly {
      readonly mac: string;
      readonly name: string;
      readonly model: string;
      readonly from: string;
      readonly version: string;
      readonly primary: boolean;
    }[];
  }[];
  readonly skipped: readonly { readonly mac: string; readonly name: string | null; readonly reason: string }[];
  /** Until the last AP counts as active; null where no AP would be activated. */
  readonly expectedSeconds: number | null;
  readonly assumedRebootSeconds: number;
}

export interface TransferView {
  readonly mac: string;
  readonly name: string;
  readonly path: "wan" | "lan";
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Null while nobody can tell. */
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
}

export interface ModelView {
  /** Image family, the election's key (`ap3g3`); model names that it covers in this group. */
  readonly family: string;
  readonly models: readonly string[];
  readonly primary: { readonly mac: string; readonly name: string; readonly model: string } | null;
  readonly manual: boolean;
  /** Why the manual primary could not be used, null when all is well. */
  readonly warning: string | null;
  /** Transfers over the WAN that delivered a whole image. */
  readonly wanCopies: number;
  readonly wanBytes: number;
  readonly lanBytes: number;
  readonly wanWireBytes: number;
  /** TFTP sessions of the primary: now, most at one moment, allowed. */
  readonly sessions: number;
  readonly sessionsPeak: number;
  readonly sessionsMax: number;
  /** Peers being served now. */
  readonly serving: readonly {
    readonly mac: string | null;
    readonly name: string | null;
    readonly address: string;
    readonly bytesDone: number;
  }[];
}

/** Sums over the APs of a run. */
export interface RunTotals {
  readonly wanBytes: number;
  readonly lanBytes: number;
  readonly wanWireBytes: number;
  /** Image bytes that one copy per AP would have cost on top of `wanBytes`. */
  readonly wanBytesSaved: number;
}

export interface RunView extends RunTotals {
  readonly id: number;
  readonly state: RunState;
  readonly release: ReleaseName;
  readonly startedAt: number;
  readonly finishedAt: number | null;
  readonly counts: { readonly [Status in PredownloadStatus]: number };
  /** Why APs wait that are out of tries, a line for each reason. */
  readonly waits: readonly string[];
  /** Primaries that gave way in the run, a line for each with the reason. */
  readonly stepsDown: readonly string[];
}

/** What a `group-start` would do now. */
export interface GroupPreview {
  readonly group: string;
  readonly release: ReleaseName;
  /** Why a start would be refused, null when it would not be; "peer-differs" alone gives way to `force`. The rest holds without it. */
  readonly objection: Failure | null;
  readonly models: readonly ModelPreview[];
  /** Sums over the models. */
  readonly wanBytes: number;
  /** WAN bytes if every AP fetched for itself. */
  readonly wanBytesWithoutFeature: number;
  /** Until the last AP has the image, rounded up; null while no AP would fetch. */
  readonly expectedSeconds: number | null;
  /** The same run under each distribution that the group could choose. */
  readonly distributions: readonly DistributionForecast[];
  /** What the forecast took the links to carry. */
  readonly link: LinkRates;
  /** The WAN rate that the forecast counts with, and what sets it. */
  readonly wanRate: { readonly bytesPerSecond: number; readonly boundBy: "link" | "group" | "controller" };
  /** What each AP that takes part is ordered first. */
  readonly firstSteps: readonly { readonly mac: string; readonly name: string; readonly step: FirstStep }[];
  /** Members that would not take part, and why, in words for people. */
  readonly skipped: readonly { readonly mac: string; readonly name: string | null; readonly reason: string }[];
}

export interface DistributionForecast {
  readonly distribution: Distribution;
  /** As in the preview. */
  readonly expectedSeconds: number | null;
  readonly wanBytes: number;
  readonly expectedFallbacks: number;
  /** What takes most of the time: the WAN, the slots of the primary, or back-offs. Null while no AP would fetch. */
  readonly limitedBy: "wan" | "slots" | "back-off" | null;
}

export interface ModelPreview {
  readonly family: string;
  readonly models: readonly string[];
  /** The AP that would fetch over the WAN. */
  readonly primary: { readonly mac: string; readonly name: string; readonly model: string } | null;
  readonly manual: boolean;
  readonly warning: string | null;
  /** `warning` and what else may go wrong: APs passed over as primary, APs with too little flash. */
  readonly warnings: readonly string[];
  /** The release's image for this family; null when the release has none. */
  readonly image: { readonly version: string; readonly sizeBytes: number } | null;
  /** APs that would fetch from the primary. */
  readonly subordinates: number;
  /** APs that hold the image already. */
  readonly alreadyHolding: number;
  /** Subordinates expected to run out of tries and take the WAN. */
  readonly expectedFallbacks: number;
  readonly wanBytes: number;
  readonly expectedSeconds: number;
}

export interface BootView {
  readonly primary: string | null;
  readonly backup: string | null;
}

export interface ImageView {
  readonly id: string;
  readonly version: string;
  readonly release: ReleaseName;
  readonly models: readonly string[];
  readonly families: readonly string[];
  readonly sizeBytes: number;
  readonly sha256: Sha256Hex;
  readonly md5: string;
  readonly fileName: string;
  readonly addedAt: number;
  /** Null for an image that came without a bundle. */
  readonly signature: { readonly securityVersion: number; readonly signedAt: Instant } | null;
}

/** An image that was added, and what that means for the rest of its release. */
export interface ImageAdded extends ImageView {
  /** Images that gave way to it, and for which models as they were named; `removed` where no model is left. */
  readonly replaced: readonly {
    readonly id: string;
    readonly version: string;
    readonly models: readonly string[];
    readonly removed: boolean;
  }[];
  /** Models of known APs that usually run the same image and have none in this release. */
  readonly suggested: readonly { readonly model: string; readonly apCount: number }[];
}

/** The other controller of the network and how its images compare with this one's. */
export interface PeerView {
  /** Its admin URL. */
  readonly name: string;
  readonly onMismatch: "refuse" | "warn";
  /** From what was heard of it last; `unknown` before that. */
  readonly verdict: "same" | "differs" | "unknown";
  /** When it last reported its images, null before the first time. */
  readonly heardAt: number | null;
  /** Since when it does not answer, and why; null while it does. */
  readonly unreachableSince: number | null;
  readonly trouble: string | null;
  readonly differences: readonly PeerDifference[];
}

/** Null: that side has no image for these models in this release. */
export interface PeerDifference {
  readonly release: ReleaseName;
  /** The family that such a model name suggests. */
  readonly family: string;
  /** The model pattern, as one side names it. */
  readonly model: string;
  readonly here: { readonly version: string; readonly sha256: Sha256Hex } | null;
  readonly there: { readonly version: string; readonly sha256: Sha256Hex } | null;
}

/** One run in numbers, kept after it ended. */
export interface RunSummaryRow extends RunView {
  readonly group: string | null;
  readonly models: readonly Pick<
    ModelView,
    "family" | "models" | "primary" | "manual" | "warning" | "wanCopies" | "wanBytes" | "lanBytes" | "wanWireBytes"
  >[];
  readonly apCount: number;
}

/** The same with a row for each AP. */
export interface RunReport extends RunSummaryRow {
  readonly aps: readonly RunReportRow[];
}

export interface RunReportRow {
  readonly name: string;
  readonly mac: string;
  readonly model: string;
  readonly role: PredownloadRole | null;
  readonly status: PredownloadStatus;
  readonly source: "wan" | "lan" | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly wanBytes: number;
  readonly lanBytes: number;
  readonly wanWireBytes: number;
  readonly tries: number;
  readonly failureReason: FailureReason | null;
  readonly detail: string;
}

/** `show ap credential`. */
export interface CredentialView {
  readonly mac: string;
  /** `revoked`: the AP stays out, a join token notwithstanding. */
  readonly state: "active" | "revoked";
  /** When it was made, or revoked. */
  readonly since: Instant;
}

/** `show sysinfo`: the controller itself. */
export interface SystemView {
  readonly version: string;
  readonly startedAt: Instant;
  readonly storage: StorageView;
  /** How control messages of APs travel. */
  readonly link: "dtls" | "clear";
  /** Whether this controller has a trusted root: without one nobody verifies what is uploaded. */
  readonly signatures: "required" | "unverified";
  /** Of the admin API; null where it speaks plain HTTP. */
  readonly certificate: CertificateView | null;
}

export type StorageView =
  | { readonly state: "writable" }
  /** APs are served, changes refused. `unsavedRows` wait in memory for space. */
  | { readonly state: "read-only"; readonly reason: string; readonly unsavedRows: number };

export interface CertificateView {
  /** Made by the controller, which also renews it; else the operator's. */
  readonly own: boolean;
  readonly validFrom: Instant;
  readonly validTo: Instant;
}
