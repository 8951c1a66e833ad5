/** A bundle that came with an image upload, verified before the image is kept. */
import { failure, type Result, success } from "../../base/failure.js";
import type { ImageBundle } from "../../core/controller/operator/new-image.js";
import type { SignedImage } from "../../core/trust/release.js";
import { imageOf, type OrderedImage } from "../../core/trust/trust-rules.js";
import type { TrustFault } from "../../core/trust/verdict.js";
import { readBundle } from "./bundle.js";
import { type RootMetadata, roleFacts } from "./metadata.js";
import { signedImages, verifyRelease } from "./verify-release.js";

/**
 * @param root undefined on a controller without one: the bundle is passed on unverified
 * @param nowMs by the controller's clock, which an operator can correct
 * Failures: `not-signed`, `bundle-malformed`, `signature-invalid`, `metadata-expired`.
 */
export function judgeUpload(
  root: RootMetadata | undefined,
  image: OrderedImage,
  bytes: Uint8Array | undefined,
  nowMs: number,
): Result<ImageBundle | undefined> {
  if (bytes === undefined) {
    if (root === undefined) return success(undefined);
    return failure("not-signed", "This controller accepts only signed images: add the bundle written by flexup release sign (--bundle)");
  }
  const bundle = readBundle(bytes);
  if (!bundle.ok) return refused(bundle.fault);
  const verified = root === undefined ? signedImages(bundle.value) : verifiedImages(root, bundle.value);
  if (!verified.ok) return refused(verified.fault);
  const signed = imageOf({ images: verified.value }, image);
  if (!signed.ok) return refused(signed.fault);
  const { signedAtMs, expiresAtMs } = roleFacts(bundle.value.targets);
  if (expiresAtMs <= nowMs) return refused({ reason: "metadata-expired", detail: "the targets metadata has expired" });
  return success({ text: Buffer.from(bytes).toString("latin1"), securityVersion: signed.value.securityVersion, signedAt: signedAtMs });
}

function verifiedImages(root: RootMetadata, bundle: Parameters<typeof verifyRelease>[1]) {
  const verified = verifyRelease(root, bundle);
  return verified.ok ? ({ ok: true, value: verified.value.release.images as readonly SignedImage[] } as const) : verified;
}

const refused = ({ reason, detail }: TrustFault): Result<never> => failure(reason, `The bundle does not prove this image: ${detail}`);
