/** The processes of a benchmark: their output, and their end together with the benchmark's, however it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

export interface Program {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly lines: readonly string[];
}

const running = new Set<ChildProcess>();

/** @param around a prefix of the command, such as `ip netns exec NAME` */
export function startProgram(around: readonly string[], ...command: readonly string[]): Program {
  const [program = "", ...args] = [...around, ...command];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const lines: string[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (text) => lines.push(text));
  return { process: child, lines };
}

export async function stopProgram({ process: child }: Program): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** The first line that matches, earlier ones included. @throws Error after `secondsMax` */
export async function lineOf(program: Program, wanted: (text: string) => boolean, secondsMax: number): Promise<string> {
  const deadline = performance.now() + secondsMax * 1000;
  while (performance.now() < deadline) {
    const found = program.lines.find(wanted);
    if (found !== undefined) return found;
    await sleep(20);
  }
  throw new Error(`${program.process.spawnargs.join(" ")} gave no answer within ${secondsMax} s`);
}

/** Ends what still runs, then calls `also`, when the benchmark ends or is interrupted. */
export function atTheEnd(also: () => void): void {
  process.once("exit", () => {
    for (const child of running) child.kill("SIGKILL");
    also();
  });
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const)
    process.once(signal, () => process.exit(128 + number));
}
