import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { failure, type Result, success } from "../../../base/failure.js";
import type { SignedImage } from "../../../core/trust/release.js";
import { imageChunkBytes } from "../../../core/upgrade/image-chunks.js";

/** Length, digest and chunk list of a file. Failure: `image-unreadable`. */
export async function measureImage(file: string): Promise<Result<Pick<SignedImage, "sizeBytes" | "sha256" | "chunks">>> {
  const whole = createHash("sha256");
  const sha256s: string[] = [];
  let chunk = createHash("sha256");
  let sizeBytes = 0;
  try {
    for await (const piece of createReadStream(file, { highWaterMark: imageChunkBytes })) {
      let rest = piece as Buffer;
      whole.update(rest);
      while (rest.length > 0) {
        const part = rest.subarray(0, imageChunkBytes - (sizeBytes % imageChunkBytes));
        chunk.update(part);
        sizeBytes += part.length;
        rest = rest.subarray(part.length);
        if (sizeBytes % imageChunkBytes > 0) continue;
        sha256s.push(chunk.digest("hex"));
        chunk = createHash("sha256");
      }
    }
  } catch (error) {
    return failure("image-unreadable", `${file} cannot be read: ${(error as Error).message}`);
  }
  if (sizeBytes === 0) return failure("image-unreadable", `${file} is empty`);
  if (sizeBytes % imageChunkBytes > 0) sha256s.push(chunk.digest("hex"));
  return success({ sizeBytes, sha256: whole.digest("hex"), chunks: { chunkBytes: imageChunkBytes, sha256s } });
}
