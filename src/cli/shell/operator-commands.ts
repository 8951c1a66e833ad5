/** The operator's command table as a shell runs it: abbreviations, `?`, completion, the vendor's error message. */
import type { Command, CommandContext, Outcome } from "../command.js";
import type { Grammar, Match } from "../grammar.js";
import { parameters } from "../parameters.js";
import { quotedIfNeeded, splitLast, splitWords, type Word } from "../words.js";
import type { Completion } from "./line-editor.js";
import { isOfTerminals } from "./shell.js";
import type { Ask, CommandOutcome, ShellCommands } from "./shell-commands.js";

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
    if (isOfTerminals(line.trim())) return { text: "", exitCode: 0 };
    const asked = /^(?:(.*?)\s*\?|help)$/is.exec(line.trim());
    if (asked !== null) return { text: this.#helpText(asked[1] ?? ""), exitCode: 0 };
    const words = splitWords(line);
    if (words === undefined) return { text: `${incorrectUsage}\nA quote is not closed.\n`, exitCode: 2 };
    const match = this.#match(words);
    if (match.type === "error") return { text: `${incorrectUsage}\n${match.message}.\n`, exitCode: 2 };
    return shown(await match.command.run(match.values, this.#context));
  }

  /** Some versions of netmiko send the lines of config mode without entering it. */
  #match(words: readonly Word[]): Match<Command> {
    const match = this.#grammar.match(words, abbreviations);
    if (match.type === "command") return match;
    const inConfigMode = this.#grammar.match([{ text: "config", quoted: false }, ...words], abbreviations);
    return inConfigMode.type === "command" ? inConfigMode : match;
  }

  /** What `?` shows on a terminal, for callers without one. */
  #helpText(line: string): string {
    const lines = this.help(line === "" ? "" : `${line} `);
    return lines.length === 0 ? `${incorrectUsage}\n` : `${lines.join("\n")}\n`;
  }

  async complete(line: string): Promise<Completion> {
    const { head, begun } = splitLast(line);
    const choices = await this.#choices(splitWords(head) ?? [], begun);
    const [only] = choices;
    if (choices.length === 1) return { line: `${head}${only} `, choices };
    const common = commonStart(choices);
    return { line: head + (common.length > begun.length ? common : begun), choices };
  }

  help(line: string): string[] {
    const { head, begun } = splitLast(line);
    const before = splitWords(head) ?? [];
    const { suggestions, mayEnd } = this.#grammar.next(before, abbreviations);
    const lines = suggestions
      .filter(({ word }) => word.startsWith("<") || word.startsWith(begun))
      .map(({ word, what }) => `${word.padEnd(helpColumns)} ${what}`.trimEnd());
    return mayEnd && begun === "" ? [...lines, "<cr>"] : lines;
  }

  /** What may follow and begins so, as it must be typed: words, and values that the controller knows. */
  async #choices(before: readonly Word[], begun: string): Promise<string[]> {
    const { suggestions } = this.#grammar.next(before, abbreviations);
    const text = begun.replace(/^["']/, "");
    const words = suggestions.flatMap(({ word }) => (word.startsWith("<") || !word.startsWith(begun) ? [] : [word]));
    const parameter = suggestions.find(({ word }) => word.startsWith("<"))?.word.slice(1, -1);
    if (parameter === undefined) return words;
    const values = (await parameters[parameter]?.candidates?.(this.#context.operator)) ?? [];
    return [...words, ...values.filter((value) => value.startsWith(text)).map(quotedIfNeeded)];
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
