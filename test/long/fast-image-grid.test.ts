/** The fast transfer over the whole grid of lines, in virtual time; prints the efficiency table, which `npm run bench:grid` puts into docs/benchmarks.md. */
import t from "tap";
import { writeSection } from "../../bench/section.js";
import { type Cell, efficiencyTable, measure, resentFairly } from "../support/fast-grid.js";

const skip = process.env["FLEXUP_LONG"] === undefined ? "set FLEXUP_LONG=1 for the whole grid" : false;

t.test("1, 10, 100 Mbit/s × 20, 100, 300 ms × loss × queue", { skip, timeout: 600_000 }, async (t) => {
  const cells: Cell[] = [];
  for (const bitsPerSecond of [1e6, 10e6, 100e6]) {
    for (const rttMs of [20, 100, 300]) {
      for (const queueShare of [0.1, 2]) {
        for (const loss of [0, 0.001, 0.01, 0.05]) {
          const cell = measure({ bitsPerSecond, rttMs, loss, queueShare, seconds: 30 });
          cells.push(cell);
          t.equal(cell.problem, undefined, `${cell.name}, loss ${loss}`);
          t.ok(resentFairly(cell), `${cell.name}, loss ${loss}: ${cell.blocksResent} resent, ${cell.blocksLost} lost`);
        }
      }
    }
  }
  t.comment(efficiencyTable(cells));
  if (process.env["FLEXUP_WRITE_DOCS"] === undefined) return;
  writeSection("grid", "The fast transfer in virtual time", [
    "Image bytes per second over the line's rate, from the first datagram to the controller's word of completion; the image takes 30 s at the full rate, so what",
    "startup costs shows. Both directions lose; the queue is in bandwidth-delay products. 96.7 % is what Ethernet, IP, UDP and CAPWAP headers leave.",
    "",
    efficiencyTable(cells),
  ]);
});
