/** Which verified release an AP accepts and which image it boots: rules that signatures alone cannot express. */
import type { Sha256Hex } from "../../base/sha256.js";
import type { SignedImage, SignedRole, VerifiedRelease } from "./release.js";
import { accept, distrust, type TrustFault, type TrustVerdict } from "./verdict.js";

/** The highest values an AP has accepted. They never decrease and survive a factory reset. */
export interface TrustMemory {
  readonly rootVersion: number;
  readonly targetsVersion: number;
  /** 0 until the first bundle with a timestamp; from then on every bundle needs one. */
  readonly timestampVersion: number;
  readonly newestSignedAtMs: number;
  /** Lowest securityVersion that may boot. */
  readonly securityFloor: number;
}

export const emptyTrustMemory: TrustMemory = {
  rootVersion: 0,
  targetsVersion: 0,
  timestampVersion: 0,
  newestSignedAtMs: 0,
  securityFloor: 0,
};

/** The image that an order names. */
export interface OrderedImage {
  readonly sha256: Sha256Hex;
  readonly sizeBytes: number;
  readonly version: string;
}

export interface AdmissionFacts {
  readonly family: string;
  readonly memory: TrustMemory;
  /** The operator explicitly asked for a release signed earlier than one already accepted. */
  readonly allowsDowngrade: boolean;
  /** Release date of this software: no trusted date is earlier. */
  readonly builtAtMs: number;
}

export interface ReleaseAdmission {
  readonly image: SignedImage;
  /** Must be persisted before the image is fetched. */
  readonly memory: TrustMemory;
}

/** Whether an order for `ordered` may be carried out. The system clock is not consulted: it may be wrong, or set by the controller. */
export function admitRelease(release: VerifiedRelease, ordered: OrderedImage, facts: AdmissionFacts): TrustVerdict<ReleaseAdmission> {
  const { memory, family, allowsDowngrade, builtAtMs } = facts;
  const after = remembered(memory, release);
  const stale = expired(release, Math.max(builtAtMs, after.newestSignedAtMs)) ?? rolledBack(release, memory, allowsDowngrade);
  if (stale !== undefined) return { ok: false, fault: stale };
  const image = imageOf(release, ordered);
  if (!image.ok) return image;
  const barred = barredFromBoot(image.value, family, memory.securityFloor);
  return barred === undefined ? accept({ image: image.value, memory: after }) : { ok: false, fault: barred };
}

/** Why a signed image may not boot here; undefined where it may. */
export function barredFromBoot(image: SignedImage, family: string, securityFloor: number): TrustFault | undefined {
  if (!image.families.includes(family)) {
    return { reason: "wrong-family", detail: `the image is signed for ${image.families.join(", ")}, this AP is ${family}` };
  }
  if (image.securityVersion < securityFloor) {
    return {
      reason: "below-security-floor",
      detail: `security version ${image.securityVersion} is below ${securityFloor}, the lowest that may boot here`,
    };
  }
  return undefined;
}

export const withFloor = (memory: TrustMemory, securityVersion: number): TrustMemory => ({
  ...memory,
  securityFloor: Math.max(memory.securityFloor, securityVersion),
});

/** The image that the release signs under this digest, if length and version match too. */
export function imageOf(release: Pick<VerifiedRelease, "images">, ordered: OrderedImage): TrustVerdict<SignedImage> {
  const image = contentOf(release, ordered);
  if (!image.ok || image.value.version === ordered.version) return image;
  return distrust("not-signed", `the bundle signs version ${image.value.version}, not ${ordered.version}`);
}

/** The same by content alone, for an image in a slot: its version is a label that a later order may change. */
export function contentOf(
  release: Pick<VerifiedRelease, "images">,
  { sha256, sizeBytes }: Omit<OrderedImage, "version">,
): TrustVerdict<SignedImage> {
  const image = release.images.find((signed) => signed.sha256 === sha256);
  if (image === undefined) return distrust("not-signed", `the bundle signs no image with SHA-256 ${sha256}`);
  if (image.sizeBytes !== sizeBytes) return distrust("not-signed", `the bundle signs ${image.sizeBytes} bytes, not ${sizeBytes}`);
  return accept(image);
}

function remembered(memory: TrustMemory, { root, targets, timestamp }: VerifiedRelease): TrustMemory {
  return {
    rootVersion: Math.max(memory.rootVersion, root.version),
    targetsVersion: Math.max(memory.targetsVersion, targets.version),
    timestampVersion: Math.max(memory.timestampVersion, timestamp?.version ?? 0),
    newestSignedAtMs: Math.max(memory.newestSignedAtMs, root.signedAtMs, targets.signedAtMs, timestamp?.signedAtMs ?? 0),
    securityFloor: memory.securityFloor,
  };
}

function expired({ root, targets, timestamp }: VerifiedRelease, nowMs: number): TrustFault | undefined {
  const roles: readonly (readonly [string, SignedRole | null])[] = [
    ["root", root],
    ["targets", targets],
    ["timestamp", timestamp],
  ];
  const late = roles.find(([, role]) => role !== null && role.expiresAtMs <= nowMs);
  return late && { reason: "metadata-expired", detail: `the ${late[0]} metadata has expired` };
}

function rolledBack({ root, targets, timestamp }: VerifiedRelease, memory: TrustMemory, allowsDowngrade: boolean): TrustFault | undefined {
  // Even a downgrade must not bring back a revoked key.
  if (root.version < memory.rootVersion) return older("root", root.version, memory.rootVersion);
  if (allowsDowngrade) return undefined;
  if (targets.version < memory.targetsVersion) return older("targets", targets.version, memory.targetsVersion);
  if (memory.timestampVersion === 0) return undefined;
  if (timestamp === null) return { reason: "metadata-rollback", detail: "the bundle lacks the timestamp that earlier ones had" };
  return timestamp.version < memory.timestampVersion ? older("timestamp", timestamp.version, memory.timestampVersion) : undefined;
}

const older = (role: string, version: number, seen: number): TrustFault => ({
  reason: "metadata-rollback",
  detail: `${role} version ${version} is older than ${seen}, which was accepted before`,
});
