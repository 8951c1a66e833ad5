/** Operator commands from the process's own arguments: parse, run against a daemon, print, exit code. */
import type { Command as Program } from "commander";
import type { Failure } from "../base/failure.js";
import type { Outcome } from "./command.js";
import { type CommandIo, contextFor, controllerUrl, defaultAdminUrl } from "./controller-access.js";
import { commandHelp } from "./help.js";
import { commandTable, operatorGrammar } from "./table.js";
import { watchOutcome, watchRun } from "./watch.js";
import type { Word } from "./words.js";

/** Exit codes of every flexup command; the last is the shell's own for Ctrl-C. */
export const exitCodes = { done: 0, refused: 1, wrongCommand: 2, interrupted: 130 } as const;
type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

interface Switches {
  readonly words: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
  readonly watch: boolean;
  readonly admin: string | undefined;
}

/** Runs one command, e.g. `["show", "ap", "image", "all", "--json"]`. */
export async function runOneShot(args: readonly string[], io: CommandIo): Promise<ExitCode> {
  const wrong = (message: string): ExitCode => {
    io.stderr.write(`${message}\n`);
    return exitCodes.wrongCommand;
  };
  const switches = readSwitches(args);
  if (typeof switches === "string") return wrong(switches);
  const words: Word[] = switches.words.map((text) => ({ text, quoted: false }));
  if (switches.help) {
    io.stdout.write(commandHelp(operatorGrammar.beginningWith(words)));
    return exitCodes.done;
  }
  const base = controllerUrl(switches.admin, io.env);
  if (typeof base === "string") return wrong(base);
  const match = operatorGrammar.match(words);
  if (match.type === "error") return wrong(match.message);

  const lasts = switches.watch || match.command.needsFiles === true;
  const interrupted = (lasts ? io.interrupted?.() : undefined) ?? new AbortController().signal;
  const context = contextFor(base, { ...io, signal: interrupted });
  const watching = { screen: io.stdout, json: switches.json, pause: () => pause(interrupted) };
  const order = match.command.order?.(match.values);
  const isShow = order?.type.startsWith("show-") ?? false;
  if (switches.watch && !isShow && order?.type !== "group-start")
    return wrong(`Unexpected option --watch after "${switches.words.join(" ")}": expected it after a show command or predownload start`);
  const run = (): Promise<Outcome> => match.command.run(match.values, context);
  const outcome = switches.watch && isShow ? await watchOutcome(run, watching) : await run();
  if (!outcome.ok) return interrupted.aborted ? exitCodes.interrupted : refused(outcome.failure, switches.json, io);
  if (switches.watch && order?.type === "group-start") {
    if (!switches.json) io.stdout.write(outcome.text);
    const ended = await watchRun(context.operator, order.group, watching);
    if (!ended.ok) return refused(ended.failure, switches.json, io);
    if (ended.value === "running") return exitCodes.interrupted;
    return ended.value === "complete" ? exitCodes.done : exitCodes.refused;
  }
  if (switches.watch) return exitCodes.done;
  io.stdout.write(switches.json ? `${JSON.stringify(outcome.value, null, 2)}\n` : outcome.text);
  return outcome.partial ? exitCodes.refused : exitCodes.done;
}

/** Adds `show`, `config` and `image` to the program, from the command table. */
export function registerOperatorCommands(program: Program, done: (code: ExitCode) => void): void {
  const firstWords = new Set(commandTable.map(({ pattern }) => pattern.split(" ")[0] as string));
  for (const first of firstWords) {
    program
      .command(first)
      .description(descriptions[first] ?? "")
      .argument("[words...]")
      .allowUnknownOption()
      .passThroughOptions()
      .helpOption(false)
      .action(async (_words: readonly string[], _options: unknown, self: Program) =>
        done(await runOneShot([first, ...self.args], { stdout: process.stdout, stderr: process.stderr, env: process.env, interrupted })),
      );
  }
}

const descriptions: Readonly<Record<string, string>> = {
  show: "what a controller knows: APs, images, groups, runs",
  config: "groups, predownload, swap, reset",
  image: "the controller's two releases: add, list, remove images",
};

const watchMs = 500;

/** Resolves with false when the person has had enough. */
function pause(interrupted: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (interrupted.aborted) return resolve(false);
    const stop = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      interrupted.removeEventListener("abort", stop);
      resolve(true);
    }, watchMs);
    interrupted.addEventListener("abort", stop, { once: true });
  });
}

/** From now on Ctrl-C, or the end that a system asks for, stops in order once; the second one ends the process. */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

function refused(failure: Failure, json: boolean, io: CommandIo): ExitCode {
  io.stderr.write(json ? `${JSON.stringify(failure)}\n` : `${failure.message}\n`);
  return exitCodes.refused;
}

/** Takes the switches out that every command knows; a string is what was wrong. */
function readSwitches(args: readonly string[]): Switches | string {
  const words: string[] = [];
  let json = false;
  let help = false;
  let watch = false;
  let admin: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (arg === "--json") json = true;
    else if (arg === "--watch") watch = true;
    else if (arg === "--help" || arg === "-h") help = true;
    else if (arg === "--admin" || arg.startsWith("--admin=")) {
      admin = arg === "--admin" ? args[++at] : arg.slice("--admin=".length);
      if (admin === undefined) return `Option --admin has no value: expected a URL such as ${defaultAdminUrl}`;
    } else words.push(arg);
  }
  return { words, json, help, watch, admin };
}
