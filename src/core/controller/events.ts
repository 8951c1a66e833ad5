/**
 * What happened, for logs, live views, audit and run reports. Typed so that nothing has to parse a log
 * line; each carries names as they were at that moment.
 */

import type { Endpoint } from "../../base/endpoint.js";
import type { Failure } from "../../base/failure.js";
import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import type { FailureReason } from "../../wire/capwap/vendor.js";
import type { CredentialRefusal } from "../capwap/link/secure-link.js";
import type { ReleaseName } from "../upgrade/limits.js";
import type { ActivationState } from "./activation/activation-state.js";
import type { OrderType } from "./operator/orders.js";
import type { PeerView } from "./operator/views.js";
import type { MemberPhase, MemberRole } from "./run/member-state.js";
import type { RunState } from "./run/run.js";
import type { RunId } from "./run/run-numbers.js";

/** Image bytes of the AP in this run so far, as in its row (`views.ts`). */
interface ApBytes {
  readonly wanBytes: number;
  readonly lanBytes: number;
}

export interface RefusedLink {
  readonly from: Endpoint;
  readonly reason: CredentialRefusal;
  readonly identity: string | null;
  readonly detail: string;
}

export type ControllerEvent =
  | { readonly type: "ap-joined"; readonly mac: MacAddress; readonly name: string; readonly model: string; readonly from: Endpoint }
  | { readonly type: "ap-left"; readonly mac: MacAddress; readonly name: string; readonly why: string }
  /** By an operator; or it was absent the longest of those in no group, and a new AP needed its place. */
  | { readonly type: "ap-forgotten"; readonly mac: MacAddress; readonly name: string }
  /** A second device has the MAC address of a joined AP; it waits. Once for each, until the joined one leaves. */
  | {
      readonly type: "duplicate-mac";
      readonly mac: MacAddress;
      readonly name: string;
      readonly serial: string;
      readonly from: Endpoint;
      readonly otherSerial: string;
      readonly otherFrom: Endpoint;
    }
  /** DTLS: who came has no credential here, or another. Once a minute for each address. */
  | ({ readonly type: "link-refused" } & RefusedLink)
  | { readonly type: "ap-renamed"; readonly mac: MacAddress; readonly name: string; readonly formerName: string }
  /** Whether the controller can store; `reason` says why it cannot. */
  | { readonly type: "storage"; readonly state: "writable" | "read-only"; readonly reason: string | null }
  | { readonly type: "run-started"; readonly runId: RunId; readonly group: string | null; readonly release: ReleaseName }
  | { readonly type: "run-finished"; readonly runId: RunId; readonly group: string | null; readonly state: RunState }
  | {
      readonly type: "primary-elected";
      readonly runId: RunId;
      readonly family: string;
      readonly mac: MacAddress;
      readonly manual: boolean;
      /** `holder`: it had the verified image, so nothing crosses the WAN. */
      readonly because: "start" | "holder" | "next-eligible";
      readonly warning: string | null;
    }
  | { readonly type: "primary-lost"; readonly runId: RunId; readonly family: string; readonly mac: MacAddress; readonly why: string }
  /** The AP sent wrong chunks of an image: no other fetches from it for the rest of the run. */
  | { readonly type: "ap-distrusted"; readonly runId: RunId; readonly mac: MacAddress; readonly why: string }
  /** The AP gets no answer from its primary by TFTP: another subnet, a NAT or a filter is between. Once for each AP in a run. */
  | {
      readonly type: "primary-unreachable";
      readonly runId: RunId;
      readonly mac: MacAddress;
      readonly primary: MacAddress;
      readonly detail: string;
    }
  /** A step of one AP in a run. Progress in bytes comes as `ap-progress`. */
  | (ApBytes & {
      readonly type: "ap-phase";
      readonly runId: RunId;
      readonly mac: MacAddress;
      readonly role: MemberRole;
      readonly phase: MemberPhase;
      readonly reason: FailureReason;
      readonly detail: string;
    })
  | (ApBytes & {
      readonly type: "ap-progress";
      readonly runId: RunId;
      readonly mac: MacAddress;
      readonly path: "none" | "wan" | "lan";
      readonly bytesDone: number;
      readonly bytesTotal: number;
      readonly tries: number;
      readonly nextRetryAt: Instant | null;
    })
  /** Bytes that were counted since the AP's last report, such as blocks sent again while it finished. Every few seconds at most. */
  | (ApBytes & { readonly type: "ap-bytes"; readonly runId: RunId; readonly mac: MacAddress })
  | { readonly type: "swap-done"; readonly mac: MacAddress }
  | { readonly type: "reset-sent"; readonly mac: MacAddress; readonly version: string }
  | { readonly type: "reset-confirmed"; readonly mac: MacAddress; readonly version: string }
  /** The AP came back on another version than its reset was for, or not in time (`reported` null). */
  | { readonly type: "reset-unconfirmed"; readonly mac: MacAddress; readonly version: string; readonly reported: string | null }
  /** An activation of a group changed its state; `id` counts activations. */
  | { readonly type: "activation"; readonly id: number; readonly group: string; readonly state: ActivationState }
  | { readonly type: "ap-activated"; readonly id: number; readonly group: string; readonly mac: MacAddress; readonly version: string }
  | {
      readonly type: "ap-not-activated";
      readonly id: number;
      readonly group: string;
      readonly mac: MacAddress;
      readonly version: string;
      readonly reason: string;
    }
  /** The AP left an image that did not join in time, and runs the one before. */
  | { readonly type: "ap-rolled-back"; readonly mac: MacAddress; readonly name: string; readonly version: string; readonly detail: string }
  /** The file of an image is not what was stored: nothing of it is sent any more. */
  | { readonly type: "image-damaged"; readonly sha256: Sha256Hex; readonly detail: string }
  /** How the peer controller's images compare with this one's, whenever that changes. `detail`: the differences, or why it does not answer. */
  | {
      readonly type: "peer-images";
      readonly peer: string;
      readonly verdict: PeerView["verdict"];
      readonly reachable: boolean;
      readonly detail: string;
    }
  /** An act that changed something, after it was done. */
  | { readonly type: "order-done"; readonly order: OrderType; readonly target: string }
  | { readonly type: "order-refused"; readonly order: OrderType; readonly failure: Failure }
  /** Bytes that made no sense or had no business here; the host logs at most one a second of a kind. */
  | { readonly type: "datagram-dropped"; readonly from: Endpoint; readonly why: string; readonly detail: string };

export type ControllerEventType = ControllerEvent["type"];
