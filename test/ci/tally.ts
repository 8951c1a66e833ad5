/**
 * `node dist/test/ci/tally.js failed FIRST` lists the test files that failed in a report; `node dist/test/ci/tally.js FIRST AGAIN`
 * prints the closing lines of a run whose failed files ran once more, and exits with 1 unless every file passed in the end.
 */
import { readFileSync } from "node:fs";
import { fileResults, isWhole, verdict } from "./tap-report.js";

const [first = "", second = ""] = process.argv.slice(2);
if (first === "failed") {
  for (const { file, ok } of fileResults(readFileSync(second, "utf8"))) if (!ok) console.log(file);
} else {
  const report = readFileSync(first, "utf8");
  const { passed, failed, flaky, failedTwice } = verdict(fileResults(report), fileResults(readFileSync(second, "utf8")));
  for (const file of flaky) console.log(`flaky: ${file} failed, then passed by itself; a defect to mend`);
  for (const file of failedTwice) console.log(`failed twice: ${file}`);
  const whole = isWhole(report);
  if (!whole) console.log("the report is not whole: the run ended before its last file");
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0 || failedTwice.length > 0 || !whole) process.exitCode = 1;
}
