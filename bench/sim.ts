/**
 * `npm run sim -- --seed 7 --aps 25 --models AIR-AP2802I,AIR-CAP3702I`: one group upgrade in virtual time, its summary on stdout.
 * `--seeds 1000 --seed 1`: that many runs drawn from consecutive seeds; prints each that broke a rule, exit code 1 if any did.
 */
import { parseArgs } from "node:util";
import { defaultFleet } from "../src/sim/fleet-options.js";
import { drawRun, type FleetOutcome, type FleetRun, runFleet } from "../src/sim/run-fleet.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string" },
    drawn: { type: "boolean", default: false },
    aps: { type: "string", default: "25" },
    models: { type: "string", default: defaultFleet.models.join(",") },
    "image-kib": { type: "string", default: "8192" },
    loss: { type: "string", default: "0.01" },
    duplication: { type: "string", default: "0.01" },
    reordering: { type: "string", default: "0.02" },
    fast: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const number = (name: "seed" | "aps" | "image-kib" | "loss" | "duplication" | "reordering"): number => Number(values[name]);

if (values.seeds !== undefined) process.exitCode = sweep(number("seed"), Number(values.seeds));
else process.exitCode = one(values.drawn ? drawRun(number("seed")) : described());

function described(): FleetRun {
  const line = { loss: number("loss"), duplication: number("duplication"), reordering: number("reordering"), reorderMsMax: 5 };
  return {
    seed: number("seed"),
    aps: number("aps"),
    models: values.models.split(","),
    imageBytes: number("image-kib") * 1024,
    fastTransfer: values.fast,
    wan: { ...defaultFleet.wan, ...line },
    lan: { ...defaultFleet.lan, ...line, reorderMsMax: 1 },
    faults: [{ type: "ap-power-loss", at: "primary-serving", ap: "primary", downMs: 60_000 }],
  };
}

function one(run: FleetRun): number {
  const startedAt = performance.now();
  const outcome = runFleet(run);
  const realMs = performance.now() - startedAt;
  console.log(values.json ? JSON.stringify({ run, outcome, realMs }, null, 2) : summary(outcome, realMs));
  return outcome.faults.length === 0 ? 0 : 1;
}

function sweep(first: number, count: number): number {
  const startedAt = performance.now();
  const broken: number[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const { faults } = runFleet(drawRun(seed));
    if (faults.length === 0) continue;
    broken.push(seed);
    console.log(`seed ${seed}: ${faults.join("; ")}`);
  }
  console.log(`${count} seeds, ${broken.length} broken, ${((performance.now() - startedAt) / count).toFixed(0)} ms each`);
  return broken.length === 0 ? 0 : 1;
}

function summary(outcome: FleetOutcome, realMs: number): string {
  const { seed, traceHash, runState, virtualMs, events, models, complete, overWan, failed, datagrams } = outcome;
  return [
    `seed ${seed}, trace ${traceHash}: ${runState ?? "not ended"} after ${(virtualMs / 1000).toFixed(1)} s of virtual time`,
    `${events} events in ${(realMs / 1000).toFixed(2)} s of real time`,
    ...models.map(
      ({ family, wanCopies, wanBytes, lanBytes }) =>
        `${family}: ${wanCopies} WAN ${wanCopies === 1 ? "copy" : "copies"} (${mib(wanBytes)}), ${mib(lanBytes)} over the LAN`,
    ),
    `${complete} complete (${overWan} over the WAN), ${failed.length} failed${failed.map(({ ap, reason }) => ` ${ap}: ${reason}`).join(",")}`,
    `at most ${outcome.sessionsMost} sessions at a server, at most ${outcome.triesMost} tries`,
    `${datagrams.sent} datagrams, ${datagrams.lost} lost, ${datagrams.duplicated} duplicated, ${datagrams.reordered} reordered`,
    ...outcome.faults.map((fault) => `BROKEN ${fault}`),
  ].join("\n");
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
