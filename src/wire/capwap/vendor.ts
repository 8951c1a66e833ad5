/**
 * What RFC 5415 does not have, carried in Vendor Specific Payload elements (RFC 5415 §4.6.39, type 37)
 * under the enterprise number that IANA reserves for documentation. A peer that knows none of them
 * gets the RFC's plain behaviour.
 *
 * The layouts are tables; `docs/decisions/` says why each exists.
 */
import {
  choice,
  counted,
  flag,
  list,
  mapped,
  octets,
  prefixed,
  record,
  remainder,
  u8,
  u16,
  u32,
  u64,
  type ValueOf,
} from "../../base/field-table.js";
import { vendorDistributionElements } from "./vendor-distribution.js";
import { endpoint, shortText, wireRunId } from "./vendor-fields.js";
import { vendorTransferElements } from "./vendor-transfer.js";

/** Example enterprise number for documentation (RFC 5612). */
export const flexupEnterprise = 32473;

export type { WireRunId } from "./vendor-fields.js";

/** Product of an image: what it is called, what it is for and how to prove it. */
const imageFacts = {
  /** The release version, e.g. `8.5.161.0`; also the Image Identifier's name. */
  version: shortText(64),
  /** The name under which a primary offers it by TFTP. */
  fileName: shortText(128),
  sizeBytes: u64,
  sha256: octets(32),
};

/**
 * Controller → AP in a Configuration Update Request: take part in an upgrade run.
 * `primary` and `fallback` fetch over the WAN and come with an Image Identifier element, `subordinate` fetches over the LAN.
 */
export const upgradeOrder = record({
  runId: wireRunId,
  role: choice(u8, { primary: 1, subordinate: 2, fallback: 3 }),
  ...imageFacts,
  /** Image family (`ap3g3`): an AP of another family refuses before a byte moves. */
  family: shortText(32),
  /** Where to fetch from; filled for `subordinate`. */
  server: endpoint,
  /** 1–63 tries before the WAN. */
  retryCountMax: u8,
  backoffMsMin: u32,
  backoffMsMax: u32,
  /** Sessions that this AP admits when it serves, 1–64. */
  sessionsMax: u8,
  /** Fetch although the AP holds the same image (the source document's Wave 2 rule). */
  refetch: flag,
});

/** Controller → AP in a Configuration Update Request: end the run, drop partial files, free slots. Run 0 means any. */
export const upgradeAbort = record({ runId: wireRunId });

/** Why an AP gave up or refused. The words are the stable codes that operators see. */
export const failureReasons = {
  none: 0,
  /** "not enough free flash" */
  "not-enough-flash": 1,
  "flash-write-error": 2,
  "checksum-mismatch": 3,
  "size-mismatch": 4,
  "wrong-family": 5,
  "image-unknown": 6,
  "primary-unreachable": 7,
  "primary-busy": 8,
  "transfer-timeout": 9,
  "transfer-error": 10,
  "controller-lost": 11,
  aborted: 12,
  "backup-empty": 13,
  "run-unknown": 14,
  busy: 15,
  /** The controller's own verdict: the AP left or fell silent. */
  "ap-lost": 16,
  /** The controller's own verdict: the AP claims to hold the image and did not prove it. */
  "image-unproven": 17,
  /** No bundle came with the image, or the bundle signs another. */
  "not-signed": 18,
  "bundle-malformed": 19,
  "signature-invalid": 20,
  "metadata-expired": 21,
  /** Older than metadata that the AP has accepted. */
  "metadata-rollback": 22,
  "below-security-floor": 23,
} as const;
export type FailureReason = keyof typeof failureReasons;
const failureReason = choice(u8, failureReasons);

/** Where a transfer comes from. */
const path = choice(u8, { none: 0, wan: 1, lan: 2 });

/** AP → controller in a WTP Event Request: how the run goes here. Sent at each change of state and at most once a second for bytes. */
export const upgradeReport = record({
  runId: wireRunId,
  /**
   * `initiated` order taken · `fetching` bytes flow · `waiting` backed off until `nextRetryMs` ·
   * `needs-wan` tries exhausted, asks the controller · `complete` verified image in the slot · `failed` · `aborted`.
   */
  state: choice(u8, { initiated: 1, fetching: 2, waiting: 3, "needs-wan": 4, complete: 5, failed: 6, aborted: 7 }),
  path,
  /** Tries at the primary spent so far in this run. */
  tries: u8,
  /** Milliseconds from the sending of this report to the next try; 0 when none is planned. */
  nextRetryMs: u32,
  /** Bytes of the image received in the current transfer. */
  bytesDone: u64,
  /** Image payload bytes received in this run over each path, failed tries included. */
  wanBytes: u64,
  lanBytes: u64,
  reason: failureReason,
  /** One line for people. */
  detail: shortText(200),
});

const slotImage = record({ version: shortText(64), sha256: octets(32) });

/**
 * AP → controller in a Join Request and, after a change, in a WTP Event Request: what is in the slots.
 * An empty slot has the version "" and 32 zero octets.
 */
export const apInventory = record({
  /** Boots next. */
  primary: slotImage,
  backup: slotImage,
  running: choice(u8, { primary: 1, backup: 2 }),
  freeBytes: u64,
  /** Where this AP serves TFTP; the address is empty when it is the CAPWAP Local IPv4 Address. */
  tftp: endpoint,
  /** Codes of the extensions that this AP speaks (`extensions`). */
  extensions: counted(u8, u8),
});

/** Negotiable extensions; a code that the peer does not know is left alone. `signedImages`: the AP accepts only images with a bundle. */
export const extensions = { fastTransfer: 1, stream: 2, signedImages: 3 } as const;

/** Octets of a bundle in one message: with the rest of a Configuration Update Request they stay below 4,096. */
export const bundlePartBytesMax = 3_000;

/**
 * Controller → AP in a Configuration Update Request, before the order for the image: a part of the bundle that proves it. Parts come in
 * order, each after the response to the one before.
 */
export const bundlePart = record({
  /** Of the image. */
  sha256: octets(32),
  totalBytes: u32,
  offset: u32,
  bytes: remainder(1, bundlePartBytesMax),
});

/** Controller → AP beside an upgrade order: the operator has asked for a release that was signed earlier than the AP's last. */
export const downgradePolicy = record({ isAllowed: flag });

/** AP → controller in a WTP Event Request: what this primary's TFTP server does. Sent at each change, at most once a second. */
export const servingReport = record({
  runId: wireRunId,
  sessionsMax: u8,
  /** Most sessions at one moment in this run. */
  sessionsPeak: u8,
  bytesServed: u64,
  refusals: u32,
  /** Sessions open now. */
  sessions: prefixed(u16, list(record({ peer: endpoint, bytesDone: u64 }))),
});

/** No digest, or one of 32 octets to the end of the element. */
const digestOrNone = mapped(
  remainder(0, 32),
  (sha256) => (sha256.length === 0 || sha256.length === 32 ? sha256 : undefined),
  (sha256) => sha256,
  "neither empty nor a SHA-256",
  new Uint8Array(),
);

/**
 * Controller → AP in a Configuration Update Request: which image boots next. An AP whose primary slot holds it answers success and
 * changes nothing; one that holds it in neither slot refuses with `image-unknown`. Without a digest primary and backup slot are
 * exchanged, once for each `orderId`.
 */
export const swapOrder = record({ orderId: u32, sha256: digestOrNone });

/**
 * Drawn by the AC for one session: in its Join Response, then in every request of both ends. It proves that the WTP receives what is
 * sent to its address, so a forged one neither takes a session nor ends it.
 */
export const sessionToken = octets(16);

/**
 * Controller → AP in a Configuration Update Request: prove that a slot holds this image. The nonce is new for each run and image, so no
 * earlier answer serves.
 */
export const holdingChallenge = record({ sha256: octets(32), nonce: octets(16) });

/**
 * AP → controller in a WTP Event Request: its answer to a challenge with this nonce. HMAC-SHA256 over the AP's base MAC address, with
 * SHA-256(nonce ‖ image) as the key: the controller reads the image once for all APs, and none can pass on another's answer.
 */
export const holdingProof = record({ nonce: octets(16), proof: octets(32) });

/**
 * AP → controller in a Join Request: it left an image that did not join in time and runs the one before. In each until one is answered.
 */
export const rolledBack = record({ version: shortText(64), detail: shortText(200) });

/** AP → controller beside a Result Code that is not success: the reason, as a code and one line. */
export const refusal = record({ reason: failureReason, detail: shortText(200) });

/** Element IDs under our enterprise number. 16 to 23 belong to the fast transfer, 24 to 31 to the distribution. */
export const vendorElements = {
  upgradeOrder: { id: 1, value: upgradeOrder },
  upgradeAbort: { id: 2, value: upgradeAbort },
  upgradeReport: { id: 3, value: upgradeReport },
  apInventory: { id: 4, value: apInventory },
  servingReport: { id: 5, value: servingReport },
  swapOrder: { id: 6, value: swapOrder },
  refusal: { id: 7, value: refusal },
  sessionToken: { id: 8, value: sessionToken },
  holdingChallenge: { id: 9, value: holdingChallenge },
  holdingProof: { id: 10, value: holdingProof },
  bundlePart: { id: 11, value: bundlePart },
  downgradePolicy: { id: 12, value: downgradePolicy },
  rolledBack: { id: 15, value: rolledBack },
  ...vendorTransferElements,
  ...vendorDistributionElements,
} as const;

export type UpgradeOrder = ValueOf<typeof upgradeOrder>;
export type UpgradeReport = ValueOf<typeof upgradeReport>;
export type ApInventory = ValueOf<typeof apInventory>;
export type ServingReport = ValueOf<typeof servingReport>;
export type SwapOrder = ValueOf<typeof swapOrder>;
export type BundlePart = ValueOf<typeof bundlePart>;
export type RolledBackReport = ValueOf<typeof rolledBack>;
export type Refusal = ValueOf<typeof refusal>;
export type HoldingChallenge = ValueOf<typeof holdingChallenge>;
export type HoldingProof = ValueOf<typeof holdingProof>;
