import { createHash } from "node:crypto";
import type { Sha256Hex } from "../../base/sha256.js";
import type { DiskFile } from "./disk.js";

export interface FileDigests {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: Sha256Hex;
  readonly md5: string;
}

const readBytes = 1 << 20;

/** Reads a file from its start to its end. */
export async function digestsOf(file: DiskFile): Promise<FileDigests> {
  const sha256 = createHash("sha256");
  const md5 = createHash("md5");
  const buffer = new Uint8Array(readBytes);
  let sizeBytes = 0;
  for (;;) {
    const length = await file.read(buffer, sizeBytes);
    if (length === 0) return { sizeBytes, sha256: sha256.digest("hex"), md5: md5.digest("hex") };
    sha256.update(buffer.subarray(0, length));
    md5.update(buffer.subarray(0, length));
    sizeBytes += length;
  }
}
