/** What a shell runs its lines by. */
import type { Completion } from "./line-editor.js";

/** Asks the person a question while a command runs. Undefined when the line was dropped or the terminal closed. */
export type Ask = (question: string) => Promise<string | undefined>;

export interface CommandOutcome {
  /** Shown as it is, LF line ends. */
  readonly text: string;
  /** 0 done, 1 refused, 2 not understood: what a single command over SSH ends with. */
  readonly exitCode: number;
}

export interface ShellCommands {
  /** Runs one line. Never rejects for what a person typed. */
  run(line: string, ask: Ask): Promise<CommandOutcome>;
  /** Never rejects: what cannot be found out is not offered. */
  complete(line: string): Promise<Completion>;
  help(line: string): readonly string[];
}
