/** Server and client machines over a network that loses, duplicates, reorders and truncates, in virtual time. */
import t from "tap";
import { Prng } from "../../../src/base/prng.js";
import { type Faults, runTftpWorld } from "../../support/tftp-world.js";

if (process.env["FLEXUP_LONG"] === "1") t.setTimeout(3_600_000);
const seeds = process.env["FLEXUP_LONG"] === "1" ? 2000 : 40;
const faultSets: Readonly<Record<string, Faults>> = {
  "1 % loss": { loss: 0.01 },
  "5 % reordering": { reorder: 0.05 },
  "2 % duplicates": { duplicate: 0.02 },
  "all three": { loss: 0.01, reorder: 0.05, duplicate: 0.02 },
  "all three and truncation, ten times as bad": { loss: 0.1, reorder: 0.2, duplicate: 0.1, truncate: 0.02 },
};

for (const [name, faults] of Object.entries(faultSets)) {
  t.test(name, { timeout: 3_600_000 }, async (t) => {
    for (const windowsize of [1, 4, 16, 64]) {
      for (let seed = 0; seed < seeds; seed++) {
        const prng = new Prng(seed, windowsize);
        const file = prng.bytes(prng.below(60_000));
        const { fetched, serverOutcomes } = runTftpWorld({ seed, faults, file, clients: [{ windowsize, sizeBytes: file.length }] });
        const [end] = fetched;
        if (end?.outcome !== "complete") t.fail(`seed ${seed}, windowsize ${windowsize}: ${end?.outcome} ${end?.detail}`);
        else if (Buffer.compare(end.bytes, file) !== 0) t.fail(`seed ${seed}, windowsize ${windowsize}: wrong content`);
        if (serverOutcomes.length === 0) t.fail(`seed ${seed}, windowsize ${windowsize}: the session never ended`);
      }
    }
    t.pass(`${4 * seeds} transfers`);
  });
}

t.test("a host that continues by itself does what it would have been told", { timeout: 3_600_000 }, async (t) => {
  let streamed = 0;
  for (const [name, faults] of Object.entries({ "no fault": {}, ...faultSets })) {
    for (const windowsize of [1, 4, 16, 64]) {
      for (let seed = 0; seed < seeds / 2; seed++) {
        const prng = new Prng(seed, windowsize);
        const file = prng.bytes(prng.below(60_000));
        const world = {
          seed,
          faults,
          file,
          clients: [{ windowsize, ...(seed % 2 === 0 && { sizeBytes: file.length }) }],
          // A disk that is behind makes ACKs wait.
          ...(seed % 3 === 0 && { diskBytesPerMs: 200, client: { backlogBytesMax: 512 * prng.below(40) } }),
        };
        const told = runTftpWorld(world);
        const alone = runTftpWorld({ ...world, streaming: true });
        streamed += alone.streamed;
        const differs = JSON.stringify(told.trace) !== JSON.stringify(alone.trace);
        if (differs) t.same(alone.trace, told.trace, `${name}, windowsize ${windowsize}, seed ${seed}`);
      }
    }
  }
  t.ok(streamed > 1000, `${streamed} blocks were streamed`);
});

t.test("… and so does one whose block numbers roll over", async (t) => {
  const file = new Prng(3).bytes(8 * 65_700 + 3);
  const world = { seed: 1, faults: { loss: 0.001 }, file, clients: [{ windowsize: 16, blksize: 8 }] };
  const told = runTftpWorld(world);
  const alone = runTftpWorld({ ...world, streaming: true });
  t.equal(told.fetched[0]?.outcome, "complete");
  t.ok(alone.streamed > 60_000, `${alone.streamed} blocks were streamed`);
  t.ok(JSON.stringify(told.trace) === JSON.stringify(alone.trace), "the same datagrams at the same times");
});
