import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";

/** A folder of the test's own that goes with it. */
export function temporaryFolder(t: Pick<Test, "teardown">): string {
  const folder = mkdtempSync(join(tmpdir(), "flexup-test-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
