import { readFileSync } from "node:fs";
import { failure, type Result, success } from "../../base/failure.js";
import type { TrustVerdict } from "../../core/trust/verdict.js";
import { type RootMetadata, readRoot } from "./metadata.js";

/** Reads the file given as `--trust-root`. Failure: `root-unreadable`. */
export function readTrustRoot(path: string): Result<RootMetadata> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return failure("root-unreadable", `${path} cannot be read: ${(error as Error).message}`);
  }
  const root = readRoot(bytes);
  return root.ok ? success(root.value) : asFailure("root-unreadable", path, root);
}

export const asFailure = (code: string, path: string, { fault }: Extract<TrustVerdict<never>, { readonly ok: false }>): Result<never> =>
  failure(code, `${path} is not understood: ${fault.detail}`);
