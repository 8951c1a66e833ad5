/**
 * The narrow door between what the controller decides and the CAPWAP sessions: the domain sees APs, not
 * datagrams. `controller.ts` turns session events into calls of the domain and commands into requests.
 */

import type { Endpoint } from "../../base/endpoint.js";
import type { IpAddress } from "../../base/ip-address.js";
import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type {
  ApInventory,
  BundlePart,
  Refusal,
  RolledBackReport,
  ServingReport,
  UpgradeOrder,
  UpgradeReport,
} from "../../wire/capwap/vendor.js";
import type { ChunkFault } from "../../wire/capwap/vendor-distribution.js";
import type { ImageChunks } from "../upgrade/image-chunks.js";
import type { RunId, WithRunId } from "./run/run-numbers.js";

/** How an AP's control messages travel. */
export type ApLink = "dtls-psk" | "dtls-cert" | "clear";

/** An AP whose session reached Run. */
export interface JoinedAp {
  readonly mac: MacAddress;
  readonly name: string;
  readonly model: string;
  readonly serial: string;
  /** WTP Descriptor, active software version. */
  readonly runningVersion: string;
  readonly peer: Endpoint;
  /** CAPWAP Local IP Address; behind NAT it differs from the peer's. */
  readonly localAddress: string | null;
  readonly link: ApLink;
  /** Null for a peer that does not speak our elements. */
  readonly inventory: ApInventory | null;
  /** The image that it left because it did not join in time; null where it did not. */
  readonly rolledBack: RolledBackReport | null;
  /** Its session speaks the session token: it is at its address. One that does not never serves others. */
  readonly proven: boolean;
}

/** An image as the wire names it. */
export interface WanImage {
  readonly version: string;
  /** Lower-case hex. */
  readonly sha256: Sha256Hex;
}

export type ApCommand =
  /** `image` goes along as Image Identifier: for the roles that fetch over the WAN. `order` null towards a plain RFC 5415 peer. */
  | {
      readonly type: "upgrade";
      readonly runId: RunId;
      readonly order: Omit<UpgradeOrder, "runId"> | null;
      readonly image: WanImage | null;
      /** Beside `order`. Null for no limit. */
      readonly serveBytesPerSecondMax: number | null;
      /** Beside `order`; null where the image goes as a whole. */
      readonly stream: (ImageChunks & { readonly spare: Endpoint | null }) | null;
    }
  /** Before the order for its image. */
  | { readonly type: "bundle"; readonly part: BundlePart }
  | { readonly type: "abort"; readonly runId: RunId }
  /** @see wire/capwap/vendor.ts, swapOrder */
  | { readonly type: "swap"; readonly orderId: number; readonly sha256: Sha256Hex }
  | { readonly type: "reset"; readonly version: string }
  /** @see wire/capwap/vendor-distribution.ts, keptSlots */
  | { readonly type: "keep-slots"; readonly addresses: readonly IpAddress[] }
  /** @see wire/capwap/vendor.ts, holdingChallenge */
  | { readonly type: "challenge"; readonly sha256: Sha256Hex; readonly nonce: Uint8Array };

/** What the controller's own file answers to the challenge of an AP. */
export interface ProofQuestion {
  readonly mac: MacAddress;
  readonly sha256: Sha256Hex;
  readonly nonce: Uint8Array;
}

export interface Answer {
  /** RFC 5415 §4.6.35. */
  readonly resultCode: number;
  readonly refusal: Refusal | null;
}

/** An AP's reports, under the controller's own number of the run. */
export type ApReport = WithRunId<UpgradeReport>;
export type ApServing = WithRunId<ServingReport>;
export type ApChunkFault = WithRunId<ChunkFault>;
