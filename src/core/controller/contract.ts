/** The seam between the controller machine and its host: inputs, effects and configuration. */

import type { Endpoint } from "../../base/endpoint.js";
import type { Failure } from "../../base/failure.js";
import type { Machine, Wake } from "../../base/machine.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { AcSettings } from "../capwap/ac/ac-contract.js";
import type { Datagram, SendDatagram } from "../capwap/contract.js";
import type { CloseLink, LinkIdentity } from "../capwap/link/secure-link.js";
import type { ImageChunks } from "../upgrade/image-chunks.js";
import type { PlatformName } from "../upgrade/limits.js";
import type { ProofQuestion } from "./ap-port.js";
import type { ControllerEvent, RefusedLink } from "./events.js";
import type { MachineOrder } from "./operator/orders.js";
import type { Reply } from "./outbox.js";
import type { PeerAnswer, PeerConfig } from "./peer-parity.js";
import type { StoredRecord } from "./records.js";
import type { SystemFacts } from "./system-state.js";
import type { ControllerTimings } from "./timings.js";

export type ControllerInput =
  /** First input, once: every record of the store, in any order. */
  | { readonly type: "boot"; readonly records: readonly StoredRecord[] }
  /** `to` is the local address that it was sent to, where the host knows it. */
  | ({ readonly type: "datagram"; readonly to?: Endpoint } & Datagram)
  /** From the data port, behind the control port. */
  | { readonly type: "data-datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  /** DTLS: an AP proved its identity; the link replaces any former one of this endpoint. */
  | { readonly type: "link-up"; readonly peer: Endpoint; readonly identity: LinkIdentity }
  /** Not for a link that `close-link` ended. */
  | { readonly type: "link-down"; readonly peer: Endpoint }
  /** A peer's credential was refused. `identity`: what it called itself, where it came that far; text from the network. */
  | ({ readonly type: "link-refused" } & RefusedLink)
  | { readonly type: "operator"; readonly requestId: number; readonly order: MachineOrder }
  /** What came of asking the peer controller for its images. */
  | { readonly type: "peer-answered"; readonly answer: PeerAnswer }
  /** What the process can do has changed. */
  | { readonly type: "system"; readonly facts: SystemFacts }
  /** The image file was read and compared with its digest. `fault` in words; null where it is sound. `chunks` null where it is not. */
  | { readonly type: "image-checked"; readonly sha256: Sha256Hex; readonly fault: string | null; readonly chunks: ImageChunks | null }
  /** Answer to `expect-proof`; `proof` is null where the file cannot be read. */
  | ({ readonly type: "proof-expected"; readonly proof: Uint8Array | null } & ProofQuestion)
  | { readonly type: "stop" }
  | Wake;

export type ControllerEffect =
  /** A datagram: `bytes`, then that range of the image file named by `image.sha256`. */
  | SendDatagram
  | CloseLink
  /** Applied atomically and fsynced before any later effect runs. */
  | { readonly type: "persist"; readonly records: readonly StoredRecord[] }
  /** The one answer to an `operator` input. */
  | ({ readonly type: "reply" } & Reply)
  | { readonly type: "event"; readonly event: ControllerEvent }
  /** Read this image's file and compare it with its digest; `image-checked` answers. */
  | { readonly type: "check-image"; readonly sha256: Sha256Hex }
  /** Compute what an AP that holds the image answers (`holdingProof` in `wire/capwap/vendor.ts`); `proof-expected` answers. */
  | ({ readonly type: "expect-proof" } & ProofQuestion)
  /** No release holds this image any more: close and delete its file. */
  | { readonly type: "image-gone"; readonly sha256: Sha256Hex }
  /** The store holds a row that cannot be read. The host stops with exit code 1. */
  | { readonly type: "halt"; readonly failure: Failure };

export type ControllerMachine = Machine<ControllerInput, ControllerEffect>;

export interface ControllerConfig {
  /** AC Name: 1–512 octets of UTF-8. */
  readonly name: string;
  readonly platform: PlatformName;
  /** Allows back-off below the source document's 100 s. */
  readonly lab: boolean;
  readonly seed: number;
  /** Draws sixteen octets that nobody can guess, for session tokens and nonces. Absent in simulators: they come from `seed`, which is not secret. */
  readonly unguessable?: () => Uint8Array;
  readonly timings: ControllerTimings;
  /** TFTP sessions that a primary admits at a time, 1–64. */
  readonly sessionsMax: number;
  readonly wan: WanConfig;
  readonly capwap: Pick<
    AcSettings,
    "addresses" | "dataChannel" | "hardwareVersion" | "softwareVersion" | "linkMode" | "timers" | "mtuBytes"
  >;
  /** RFC 5415 §9.1.1: an AP that joins on a version other than the primary release gets it before it serves. */
  readonly downloadAtJoin: boolean;
  /** The other controller of the network, which must hold the same images. */
  readonly peer?: PeerConfig | undefined;
}

export interface WanConfig {
  /** WAN transfers at one moment, over all groups. */
  readonly transfersMax: number;
  /** Bytes per second of all WAN transfers together, null for no cap. */
  readonly bytesPerSecondMax: number | null;
}
