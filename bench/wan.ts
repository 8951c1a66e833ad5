/**
 * `npm run bench:wan`: the fast transfer, the RFC's stop-and-wait and TCP over the same line, side by side; writes its section of
 * docs/benchmarks.md.
 *
 *     npm run bench:wan [-- --only clean,loss,shared,loopback] [--rounds 3]
 *
 * `--only` leaves the page unchanged.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { writeSection } from "./section.js";
import { median } from "./support/median.js";
import { atTheEnd } from "./support/processes.js";
import { type LineQuality, WanLine } from "./support/wan-line.js";
import { type Figures, Transfers } from "./support/wan-transfers.js";

const mebibyte = 2 ** 20;
const tenMegabit = { bitsPerSecond: 10e6, rttMs: 100, queueShare: 1 } as const;
const { values: flags } = parseArgs({ options: { only: { type: "string" }, rounds: { type: "string", default: "3" } } });
const isWanted = (part: string): boolean => flags.only?.split(",").includes(part) ?? true;
const rounds = Number(flags.rounds);

const folder = mkdtempSync(join(tmpdir(), "flexup-bench-wan-"));
const transfers = new Transfers(folder);
const rows: string[] = [];
const ends: (() => void)[] = [];
atTheEnd(() => {
  for (const end of ends) end();
  rmSync(folder, { recursive: true, force: true });
});

const bitsPerSecondOf = ({ seconds, bytes }: Figures): number => (bytes * 8) / seconds;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** One row: median and range of the rounds. */
function note(what: string, how: string, rates: readonly number[], line: LineQuality | undefined, detail = ""): void {
  const megabits = (value: number): string => (value / 1e6).toFixed(2);
  const span = rates.length > 1 ? `${megabits(Math.min(...rates))}–${megabits(Math.max(...rates))}` : "";
  const share = line === undefined ? "" : percent(median(rates) / line.bitsPerSecond);
  rows.push(`| ${what} | ${how} | ${megabits(median(rates))} | ${span} | ${share} | ${detail} |`);
  console.log(rows.at(-1));
}

async function measureLoopback(): Promise<void> {
  const bytes = 512 * mebibyte;
  const toDisk: number[] = [];
  const inAll: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const ended = await transfers.flexup(bytes, true, undefined, 120);
    toDisk.push(bitsPerSecondOf({ bytes, seconds: ended.secondsToDisk }));
    inAll.push(bitsPerSecondOf({ bytes, seconds: ended.seconds }));
  }
  const megabytes = (rates: readonly number[]): string => `${(median(rates) / 8e6).toFixed(0)} MB/s`;
  note(
    "loopback",
    "flexup fast",
    toDisk,
    undefined,
    `${megabytes(toDisk)}; ${megabytes(inAll)} with the check of the whole and the commit`,
  );
}

/** The rounds alternate, so that other load on the host affects all alike. */
async function measureQuality(line: WanLine, quality: LineQuality, name: string): Promise<void> {
  await line.shape(quality);
  const bytes = 48 * mebibyte;
  const small = mebibyte / 4;
  const controls = ["cubic", "bbr"];
  const rates: Record<string, number[]> = {};
  const add = (how: string, figures: Figures): void => {
    rates[how] ??= [];
    rates[how].push(bitsPerSecondOf(figures));
  };
  let resentShare = 0;
  let overheadShare = 0;
  for (let round = 0; round < rounds; round++) {
    const fast = await transfers.flexup(bytes, true, line, 240);
    add("flexup fast", { bytes, seconds: fast.secondsToDisk });
    resentShare = Math.max(resentShare, fast.payloadBytes / bytes - 1);
    overheadShare = Math.max(overheadShare, fast.wireBytes / bytes - 1);
    const plain = await transfers.flexup(small, false, line, 240);
    add("flexup stop-and-wait", { bytes: small, seconds: plain.seconds });
    for (const control of controls) {
      const tcp = await transfers.tcp(bytes, control, line, 45);
      if (tcp !== undefined) add(`TCP ${control}, HTTP with curl`, tcp);
    }
  }
  const detail: Record<string, string> = {
    "flexup fast": `at most ${(resentShare * 100).toFixed(2)} % resent, ${(overheadShare * 100).toFixed(2)} % more UDP payload sent than image`,
    "flexup stop-and-wait": `${small / 1024} KiB`,
  };
  for (const [how, each] of Object.entries(rates)) note(name, how, each, quality, detail[how]);
}

/** Both run throughout: the image takes longer, and the download is cut off. */
async function measureSharing(line: WanLine, quality: LineQuality, name: string): Promise<void> {
  const seconds = 45;
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await line.shape(quality);
    const pair = await transfers.startPair(Math.ceil((quality.bitsPerSecond / 8) * 3 * seconds), true, line);
    const progress = (): number => JSON.parse(pair.controller.lines.findLast(isProgress) ?? '{"bytesDone":0}').bytesDone;
    try {
      while (progress() === 0) await sleep(100);
      const [first, since] = [progress(), performance.now()];
      const tcp = await transfers.tcp(512 * mebibyte, "cubic", line, seconds);
      ours.push(bitsPerSecondOf({ bytes: progress() - first, seconds: (performance.now() - since) / 1000 }));
      if (tcp !== undefined) theirs.push(bitsPerSecondOf(tcp));
    } finally {
      await pair.stop();
    }
  }
  note(name, "flexup fast beside TCP", ours, quality);
  if (theirs.length > 0) note(name, "TCP cubic beside flexup", theirs, quality, `${seconds} s`);
}

const isProgress = (text: string): boolean => text.startsWith('{"bytesDone"');

const onLines: Readonly<Record<string, (line: WanLine) => Promise<void>>> = {
  clean: (line) => measureQuality(line, { ...tenMegabit, loss: 0 }, "10 Mbit/s, 100 ms, no loss"),
  loss: (line) => measureQuality(line, { ...tenMegabit, loss: 0.01 }, "10 Mbit/s, 100 ms, 1 % loss"),
  shared: async (line) => {
    for (const queueShare of [0.5, 1, 2])
      await measureSharing(line, { ...tenMegabit, queueShare, loss: 0 }, `10 Mbit/s, 100 ms, queue of ${queueShare} BDP, shared`);
  },
};

async function main(): Promise<void> {
  const load = (loadavg()[0] as number).toFixed(1);
  const line = await WanLine.open((act) => ends.unshift(act));
  if (typeof line === "string")
    console.log(`The lines are left out, this machine ${line}. The same grid runs in virtual time: npm run test:long.`);
  else for (const [part, measure] of Object.entries(onLines)) if (isWanted(part)) await measure(line);
  if (isWanted("loopback")) await measureLoopback();
  if (typeof line === "string") return;
  if (flags.only !== undefined) return;
  writeSection("wan", "WAN transfer", [
    "One `flexup ap` process and one controller process in two network namespaces; `tc tbf` for the rate, NFQUEUE for delay and loss; the queue",
    `of the line holds one bandwidth-delay product (BDP) where nothing else is said. Rates are image bytes, medians of ${rounds} rounds that alternate.`,
    `Machine: ${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown CPU"}, Linux ${release()}, Node ${process.version}, load average at the start ${load}.`,
    "",
    "| line | transfer | Mbit/s | lowest–highest | of the line | |",
    "|---|---|---|---|---|---|",
    ...rows,
  ]);
}

await main();
process.exit();
