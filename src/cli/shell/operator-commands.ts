/** The operator's command table as a shell runs it: abbreviations, `?`, completion, the vendor's words for a mistake. */
import type { Command, CommandContext, Outcome } from "../command.js";
import type { Grammar } from "../grammar.js";
import { splitWords, type Word } from "../words.js";
import type { Ask, CommandOutcome, ShellCommands } from "./shell.js";

/** Scripts for the vendor's controllers wait for its last character. */
export const prompt = "(Cisco Controller) >";

/** What scripts for the vendor's controllers look for after a wrong command. */
export const incorrectUsage = "Incorrect usage.  Use the '?' or <TAB> key to list commands.";
const helpColumns = 24;
const abbreviations = { abbreviations: true } as const;

export class OperatorCommands implements ShellCommands {
  readonly #grammar: Grammar<Command>;
  readonly #context: CommandContext;

  constructor(grammar: Grammar<Command>, context: CommandContext) {
    this.#grammar = grammar;
    this.#context = context;
  }

  async run(line: string, ask: Ask): Promise<CommandOutcome> {
    if (/^save\s+config$/i.test(line)) return saveConfig(ask);
    const words = splitWords(line);
    if (words === undefined) return { text: `${incorrectUsage}\nA quote is not closed.\n`, exitCode: 2 };
    const match = this.#grammar.match(words, abbreviations);
    if (match.type === "error") return { text: `${incorrectUsage}\n${match.message}.\n`, exitCode: 2 };
    return shown(await match.command.run(match.values, this.#context));
  }

  complete(line: string): { line: string; choices: string[] } {
    const { before, begun, head } = this.#split(line);
    const choices = this.#choices(before, begun).filter((word) => !word.startsWith("<"));
    const [only] = choices;
    if (choices.length === 1) return { line: `${head}${only} `, choices };
    return { line: head + (choices.length === 0 ? begun : commonStart(choices)), choices };
  }

  help(line: string): string[] {
    const { before, begun } = this.#split(line);
    const { suggestions, mayEnd } = this.#grammar.next(before, abbreviations);
    const lines = suggestions
      .filter(({ word }) => word.startsWith("<") || word.startsWith(begun))
      .map(({ word, what }) => `${word.padEnd(helpColumns)} ${what}`.trimEnd());
    return mayEnd && begun === "" ? [...lines, "<cr>"] : lines;
  }

  #choices(before: readonly Word[], begun: string): string[] {
    const words = this.#grammar.next(before, abbreviations).suggestions.map(({ word }) => word);
    return words.filter((word) => word.startsWith(begun));
  }

  /** The whole words of a line, the begun one, and the text before it. */
  #split(line: string): { before: readonly Word[]; begun: string; head: string } {
    const begun = /\S*$/.exec(line)?.[0] ?? "";
    const head = line.slice(0, line.length - begun.length);
    return { before: splitWords(head) ?? [], begun, head };
  }
}

/** Every act is stored before it is answered, so there is nothing left to save; scripts ask nevertheless. */
async function saveConfig(ask: Ask): Promise<CommandOutcome> {
  const answer = await ask("Are you sure you want to save? (y/n) ");
  return /^y/i.test(answer ?? "") ? { text: "Configuration Saved!\n", exitCode: 0 } : { text: "Configuration Not Saved!\n", exitCode: 1 };
}

function shown(outcome: Outcome): CommandOutcome {
  if (!outcome.ok) return { text: `${outcome.failure.message} (${outcome.failure.code})\n`, exitCode: 1 };
  return { text: outcome.text, exitCode: outcome.partial === true ? 1 : 0 };
}

function commonStart(words: readonly string[]): string {
  const [first = ""] = words;
  let length = first.length;
  for (const word of words) while (!word.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}
