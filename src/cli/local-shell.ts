/** `flexup cli`: the shell that SSH gives, on the local terminal; without a terminal, the lines of standard input one after the other. */
import { createInterface } from "node:readline";
import type { Command as Program } from "commander";
import { contextFor, controllerUrl } from "./controller-access.js";
import { exitCodes } from "./one-shot.js";
import { OperatorCommands, prompt } from "./shell/operator-commands.js";
import { leavesShell, Shell } from "./shell/shell.js";
import { operatorGrammar } from "./table.js";

const rowsDefault = 24;

export function registerLocalShell(program: Program, done: (code: number) => void): void {
  program
    .command("cli")
    .description("the operator's shell on this terminal")
    .option("--admin <url>", "the controller's admin API")
    .action(async ({ admin }: { admin?: string }) => {
      const base = controllerUrl(admin, process.env);
      if (typeof base === "string") {
        process.stderr.write(`${base}\n`);
        return done(exitCodes.wrongCommand);
      }
      const commands = new OperatorCommands(operatorGrammar, contextFor(base, process));
      return done(await (process.stdin.isTTY ? onTerminal(commands) : ofLines(commands, process.stdin)));
    });
}

function onTerminal(commands: OperatorCommands): Promise<number> {
  const { stdin, stdout } = process;
  /** A terminal that was never given a size reports 0. */
  const rows = (): number => stdout.rows || rowsDefault;
  return new Promise((resolve) => {
    const shell = new Shell({
      prompt,
      commands,
      rows: rows(),
      write: (text) => stdout.write(text),
      wantInput: (wanted) => (wanted ? stdin.resume() : stdin.pause()),
      close: () => {
        stdin.setRawMode(false);
        stdin.pause();
        resolve(exitCodes.done);
      },
    });
    stdin.setRawMode(true);
    stdin.setEncoding("utf8");
    stdin.on("data", (text: string) => shell.input(text));
    stdin.on("end", () => shell.end());
    stdout.on("drain", () => shell.drained());
    stdout.on("resize", () => shell.resize(rows()));
    shell.start();
  });
}

/** @returns the exit code of the last command that was not done, 0 when all were */
export async function ofLines(
  commands: OperatorCommands,
  input: NodeJS.ReadableStream,
  write = (text: string): unknown => process.stdout.write(text),
): Promise<number> {
  let exitCode: number = exitCodes.done;
  for await (const line of createInterface({ input })) {
    if (line.trim() === "") continue;
    if (leavesShell.test(line.trim())) break;
    // A script cannot be asked: questions are answered with yes.
    const outcome = await commands.run(line, async () => "y");
    write(outcome.text);
    if (outcome.exitCode !== exitCodes.done) exitCode = outcome.exitCode;
  }
  return exitCode;
}
