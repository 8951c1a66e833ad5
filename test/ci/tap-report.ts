/** What a report of `tap --reporter=tap` says of each test file. */

export interface FileResult {
  readonly file: string;
  readonly ok: boolean;
  /** Assertions, without those that were skipped. */
  readonly passed: number;
  readonly failed: number;
}

const point = /^( *)(not )?ok \d+(?: - (.*))?$/;
/** Not `1..0`: tap counts a subtest without assertions as one. */
const plan = /^( *)1\.\.[1-9]/;
const indentation = 4;

/** Files in the order of the report. A file that ends without an assertion of its own counts as one. */
export function fileResults(report: string): FileResult[] {
  const results: FileResult[] = [];
  let passed = 0;
  let failed = 0;
  /** Indentation of the last plan: a point one step to the left of it closes that subtest and is no assertion. */
  let planned: number | undefined;
  for (const line of report.split("\n")) {
    const planIndent = plan.exec(line)?.[1]?.length;
    if (planIndent !== undefined) {
      planned = planIndent;
      continue;
    }
    const found = point.exec(line);
    if (found === null) continue;
    const [, { length: indent }, not, name = ""] = found as unknown as [string, string, string | undefined, string | undefined];
    const isFile = indent === 0 && name.startsWith("dist/");
    const closes = planned === indent + indentation;
    planned = undefined;
    const skipped = /# (?:SKIP|TODO)\b/.test(name);
    if (!closes && !skipped) not === undefined ? passed++ : failed++;
    if (!isFile) continue;
    results.push({
      file: name.replace(/\s+#.*$/, ""),
      ok: not === undefined,
      passed,
      failed: not === undefined ? failed : Math.max(1, failed),
    });
    passed = 0;
    failed = 0;
  }
  return results;
}

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  /** Failed, then passed by themselves: defects to mend, of the test or of what it tests. */
  readonly flaky: readonly string[];
  readonly failedTwice: readonly string[];
}

/** @param again results of the files that failed, each run once more by itself; they replace the first ones */
export function verdict(first: readonly FileResult[], again: readonly FileResult[]): Verdict {
  const second = new Map(again.map((result) => [result.file, result]));
  const last = first.map((result) => second.get(result.file) ?? result);
  const names = (wanted: (result: FileResult) => boolean): string[] => last.filter(wanted).map(({ file }) => file);
  return {
    passed: last.reduce((sum, { passed }) => sum + passed, 0),
    failed: last.reduce((sum, { failed }) => sum + failed, 0),
    flaky: names(({ file, ok }) => ok && second.has(file)),
    failedTwice: names(({ ok }) => !ok),
  };
}

/** Whether the report has its plan, and a result for each file in it. */
export function isWhole(report: string): boolean {
  const planned = /^1\.\.(\d+)$/m.exec(report)?.[1];
  return planned !== undefined && Number(planned) > 0 && fileResults(report).length === Number(planned);
}
