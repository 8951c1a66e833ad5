import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";

/** A process that was killed a moment ago may have made one more file while the others were removed. */
export const removal = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 } as const;

/** A folder of the test's own that goes with it. */
export function temporaryFolder(t: Pick<Test, "teardown">): string {
  const folder = mkdtempSync(join(tmpdir(), "flexup-test-"));
  t.teardown(() => rmSync(folder, removal));
  return folder;
}
