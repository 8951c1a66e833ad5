/**
 * Finds the command that a line of words means. The same tree yields errors that name what was expected, help and completion,
 * for one-shot commands, the local shell and SSH alike.
 *
 * A command's pattern is what a person types: `config flexconnect group <group> predownload master|primary <ap> [delete]`
 * holds words (with synonyms after `|`), parameters in angle brackets, optional words in brackets, with or without a value
 * (`[force]`, `[pause <seconds>]`), and options (`--models <models>`), which may be optional too (`[--bundle <bundle>]`).
 */
import { invariant } from "../base/invariant.js";
import { orList, type Parameter, parameters } from "./parameters.js";
import type { Word } from "./words.js";

export interface Pattern {
  readonly pattern: string;
}

/** Values by parameter name; an optional word that was typed is true under its name. */
export type Values = Readonly<Record<string, unknown>>;

export type Match<C extends Pattern> =
  | { readonly type: "command"; readonly command: C; readonly values: Values }
  /** `message` is one line without a full stop: what was typed and what was expected. */
  | { readonly type: "error"; readonly message: string };

export interface Suggestion {
  /** A keyword, or `<parameter>`. */
  readonly word: string;
  readonly what: string;
}

interface Node<C> {
  readonly keywords: Map<string, { readonly node: Node<C>; readonly synonymOf: string | undefined }>;
  parameter: { readonly name: string; readonly node: Node<C> } | undefined;
  /** The command that may end here, and the optional words that were passed on the way. */
  end: { readonly command: C; readonly options: readonly Option[]; readonly flags: readonly string[] } | undefined;
}

/** Where a pattern has led so far, and the flags on the way. */
interface Place<C> {
  readonly node: Node<C>;
  readonly flags: readonly string[];
}

interface Option {
  readonly name: string;
  readonly parameter: string;
  readonly isOptional: boolean;
}

const newNode = <C>(): Node<C> => ({ keywords: new Map(), parameter: undefined, end: undefined });

export interface MatchOptions {
  /** Whether `sh fl gr su` means `show flexconnect group summary`. */
  readonly abbreviations?: boolean;
}

export class Grammar<C extends Pattern> {
  readonly #root: Node<C> = newNode();
  readonly #optionNames = new Set<string>();
  readonly commands: readonly C[];

  /** @param commands a mistake in a pattern is our own bug: two commands that share a line, two parameters in one place */
  constructor(commands: readonly C[]) {
    this.commands = commands;
    for (const command of commands) this.#add(command);
  }

  match(words: readonly Word[], options: MatchOptions = {}): Match<C> {
    const split = this.#splitOptions(words);
    if ("message" in split) return { type: "error", message: split.message };
    const walked = this.#walk(split.words, options);
    if ("message" in walked) return { type: "error", message: walked.message };
    const { node, values, typed } = walked;
    if (node.end === undefined) {
      const start = typed.length === 0 ? "No command given" : `Incomplete command "${typed.join(" ")}"`;
      return { type: "error", message: `${start}: expected ${expectedAt(node)}` };
    }
    const { command, flags } = node.end;
    for (const flag of flags) values[flag] = true;
    const message = readOptions(node.end.options, split.options, values, typed);
    return message === undefined ? { type: "command", command, values } : { type: "error", message };
  }

  /** What may follow `words`, which are complete words; empty when they lead nowhere. */
  next(words: readonly Word[], options: MatchOptions = {}): { suggestions: readonly Suggestion[]; mayEnd: boolean } {
    const walked = this.#walk(words, options);
    if ("message" in walked) return { suggestions: [], mayEnd: false };
    const { node } = walked;
    const keywords = [...node.keywords].map(([word]) => ({ word, what: this.#summary(words, word, options) }));
    const parameter = node.parameter && [{ word: `<${node.parameter.name}>`, what: parameterNamed(node.parameter.name).what }];
    return { suggestions: [...keywords, ...(parameter ?? [])], mayEnd: node.end !== undefined };
  }

  /** The commands that begin with `words`, for help. */
  beginningWith(words: readonly Word[], options: MatchOptions = {}): readonly C[] {
    const walked = this.#walk(words, options);
    if ("message" in walked) return [];
    const found: C[] = [];
    const visit = (node: Node<C>): void => {
      if (node.end !== undefined && !found.includes(node.end.command)) found.push(node.end.command);
      for (const { node: child, synonymOf } of node.keywords.values()) if (synonymOf === undefined) visit(child);
      if (node.parameter !== undefined) visit(node.parameter.node);
    };
    visit(walked.node);
    return this.commands.filter((command) => found.includes(command));
  }

  #summary(words: readonly Word[], word: string, options: MatchOptions): string {
    const commands = this.beginningWith([...words, { text: word, quoted: false }], options) as readonly (C & { readonly help?: string })[];
    return commands.length === 1 ? (commands[0]?.help ?? "") : "";
  }

  #add(command: C): void {
    const tokens = command.pattern.split(" ");
    const options: Option[] = [];
    let nodes: Place<C>[] = [{ node: this.#root, flags: [] }];
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at] as string;
      const [, bracket, option] = /^(\[?)(--.+)$/.exec(token) ?? [];
      if (option !== undefined) {
        const parameter = (tokens[++at] as string).replace("]", "");
        options.push({ name: option, parameter: parameterOf(parameter), isOptional: bracket === "[" });
        this.#optionNames.add(option);
      } else if (token.startsWith("[")) {
        const word = token.replace(/^\[|\]$/g, "");
        const value = token.endsWith("]") ? undefined : parameterOf((tokens[++at] as string).slice(0, -1));
        nodes = [...nodes, ...nodes.map((from) => withOptionalWord(from, word, value))];
      } else if (token.startsWith("<")) {
        nodes = nodes.map(({ node, flags }) => ({ node: parameterNode(node, parameterOf(token)), flags }));
      } else {
        nodes = nodes.map(({ node, flags }) => ({ node: keywordNode(node, token.split("|")), flags }));
      }
    }
    for (const { node, flags } of nodes) {
      invariant(node.end === undefined, `two commands are typed like "${command.pattern}"`);
      node.end = { command, options, flags };
    }
  }

  #splitOptions(words: readonly Word[]): { words: Word[]; options: Map<string, string> } | { message: string } {
    const rest: Word[] = [];
    const options = new Map<string, string>();
    for (let at = 0; at < words.length; at++) {
      const word = words[at] as Word;
      const [, name, joined] = /^(--[a-z-]+)(?:=(.*))?$/.exec(word.text) ?? [];
      if (word.quoted || name === undefined) {
        rest.push(word);
        continue;
      }
      if (!this.#optionNames.has(name))
        return { message: `Unknown option ${name}: expected ${[orList([...this.#optionNames]), "none"].filter(Boolean).join(", or ")}` };
      if (options.has(name)) return { message: `Option ${name} is given twice: expected it once` };
      const value = joined ?? words[++at]?.text;
      if (value === undefined) return { message: `Option ${name} has no value: expected one after it` };
      options.set(name, value);
    }
    return { words: rest, options };
  }

  #walk(
    words: readonly Word[],
    { abbreviations = false }: MatchOptions,
  ): { node: Node<C>; values: Record<string, unknown>; typed: string[] } | { message: string } {
    const values: Record<string, unknown> = {};
    const typed: string[] = [];
    let node = this.#root;
    for (const word of words) {
      const keyword = word.quoted ? undefined : findKeyword(node, word.text, abbreviations);
      if (keyword === "ambiguous") return { message: `Ambiguous "${word.text}"${after(typed)}: expected ${expectedAt(node, word.text)}` };
      if (keyword !== undefined) {
        node = keyword.node;
        typed.push(keyword.word);
        continue;
      }
      const parsed = node.parameter && parameterNamed(node.parameter.name).parse(word.text);
      if (node.parameter === undefined || parsed === undefined)
        return { message: `Unexpected "${word.text}"${after(typed)}: expected ${expectedAt(node)}` };
      values[node.parameter.name] = parsed;
      node = node.parameter.node;
      typed.push(word.text);
    }
    return { node, values, typed };
  }
}

const after = (typed: readonly string[]): string => (typed.length === 0 ? "" : ` after "${typed.join(" ")}"`);

function findKeyword<C>(node: Node<C>, text: string, abbreviations: boolean): { node: Node<C>; word: string } | "ambiguous" | undefined {
  const exact = node.keywords.get(text);
  if (exact !== undefined) return { node: exact.node, word: text };
  if (!abbreviations || text === "") return undefined;
  const begun = [...node.keywords].filter(([word]) => word.startsWith(text));
  const targets = new Set(begun.map(([, keyword]) => keyword.node));
  const [first] = begun;
  if (first === undefined) return undefined;
  return targets.size > 1 ? "ambiguous" : { node: first[1].node, word: first[0] };
}

/** What may follow at a node, in words; with `begun`, only the keywords that start with it. */
function expectedAt<C>(node: Node<C>, begun?: string): string {
  const keywords = [...node.keywords.keys()].filter((word) => begun === undefined || word.startsWith(begun));
  const expected = node.parameter === undefined || begun !== undefined ? keywords : [...keywords, ...wordsOf(node.parameter.name)];
  return expected.length === 0 ? "nothing more" : orList(expected);
}

function wordsOf(name: string): readonly string[] {
  const parameter = parameterNamed(name);
  return parameter.choices ?? [parameter.what];
}

function keywordNode<C>(node: Node<C>, words: readonly string[]): Node<C> {
  const [main, ...synonyms] = words as [string, ...string[]];
  const known = node.keywords.get(main);
  if (known !== undefined) return known.node;
  const child: Node<C> = newNode();
  node.keywords.set(main, { node: child, synonymOf: undefined });
  for (const synonym of synonyms) node.keywords.set(synonym, { node: child, synonymOf: main });
  return child;
}

/** A word without a value is a flag. */
function withOptionalWord<C>({ node, flags }: Place<C>, word: string, value: string | undefined): Place<C> {
  const after = keywordNode(node, [word]);
  return value === undefined ? { node: after, flags: [...flags, word] } : { node: parameterNode(after, value), flags };
}

function parameterNode<C>(node: Node<C>, name: string): Node<C> {
  node.parameter ??= { name, node: newNode() };
  invariant(node.parameter.name === name, `<${name}> and <${node.parameter.name}> in one place`);
  return node.parameter.node;
}

function parameterOf(token: string): string {
  const name = token.slice(1, -1);
  parameterNamed(name);
  return name;
}

/** Adds the options' values; returns what was wrong with them. */
function readOptions(
  expected: readonly Option[],
  given: ReadonlyMap<string, string>,
  values: Record<string, unknown>,
  typed: readonly string[],
): string | undefined {
  const names = expected.map(({ name }) => name);
  for (const name of given.keys())
    if (!names.includes(name))
      return `Unexpected option ${name}${after(typed)}: expected ${names.length === 0 ? "no option" : orList(names)}`;
  for (const { name, parameter, isOptional } of expected) {
    const text = given.get(name);
    const { what, parse } = parameterNamed(parameter);
    if (text === undefined && isOptional) continue;
    if (text === undefined) return `Incomplete command "${typed.join(" ")}": expected ${name} with ${what}`;
    const value = parse(text);
    if (value === undefined) return `Unexpected "${text}" after ${name}: expected ${what}`;
    values[parameter] = value;
  }
  return undefined;
}

function parameterNamed(name: string): Parameter<unknown> {
  const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  invariant(parameter !== undefined, `no parameter <${name}>`);
  return parameter;
}
