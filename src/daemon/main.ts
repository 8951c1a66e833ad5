/** The `flexup` command: daemons and operator commands in one program. */
import { Command, CommanderError } from "commander";
import { registerPkiCommands } from "../cli/commands/pki.js";
import { registerReleaseCommands } from "../cli/commands/release.js";
import { registerTftpCommands } from "../cli/commands/tftp.js";
import { registerLocalShell } from "../cli/local-shell.js";
import { exitCodes, registerOperatorCommands } from "../cli/one-shot.js";
import { orList } from "../cli/parameters.js";
import { registerDaemonCommands, registerDemoCommand } from "./daemon-commands.js";
import { registerDataCommands } from "./data-commands.js";
import { flexupVersion } from "./version.js";

/** What an ended reader leaves time for: a fetch tells its server. */
const LAST_WORDS_MS = 1000;

/** A reader of our output that has seen enough (`| head`) ends the command without a word. */
function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exitCode = exitCodes.refused;
    setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
  });
}

/** Runs flexup with the process's arguments. Resolves with the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  endWithReader();
  let exitCode: number = exitCodes.done;
  const done = (code: number): void => {
    exitCode = code;
  };
  const program = new Command("flexup");
  program
    .description("Upgrades a branch full of wireless access points over one WAN copy per model.")
    .version(flexupVersion)
    .enablePositionalOptions()
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: () => {} });
  registerDaemonCommands(program, done);
  registerOperatorCommands(program, done);
  registerLocalShell(program, done);
  registerTftpCommands(program, done);
  registerDataCommands(program, done);
  registerPkiCommands(program, done);
  registerReleaseCommands(program, done);
  registerDemoCommand(program, done);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return exitCodes.done;
    if (error.code !== "commander.help") process.stderr.write(`${wrongCommand(error, program)}\n`);
    return exitCodes.wrongCommand;
  }
  return exitCode;
}

/** Commander's objection in one line, with what was expected. */
function wrongCommand({ code, message }: CommanderError, program: Command): string {
  const objection = message.replace(/^error: /, "").split("\n")[0] as string;
  const expected =
    code === "commander.unknownCommand"
      ? `expected ${orList(program.commands.map((command) => command.name()))}`
      : '"flexup --help" and "flexup <command> --help" say what is expected';
  return `${objection}: ${expected}`;
}
