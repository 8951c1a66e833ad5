/**
 * One line of input on a terminal: echo, cursor keys, history, completion and help. It knows no terminal:
 * keys go in, what the terminal must draw comes out.
 */
import type { Key } from "./keys.js";

/** A line with a completion applied, and the choices to list where there is more than one. */
export interface Completion {
  readonly line: string;
  readonly choices: readonly string[];
}

export interface LineEditorOptions {
  /** What may follow the line so far, one choice a line, for `?`. */
  readonly help: (line: string) => readonly string[];
}

export type LineEvent =
  | { readonly type: "line"; readonly line: string }
  /** Control-C: the line is dropped. */
  | { readonly type: "interrupt" }
  /** Control-D on an empty line. */
  | { readonly type: "end-of-input" };

export type LineMode =
  | { readonly kind: "command" }
  /** An answer to a question: no history, no help. `secret` draws asterisks. */
  | { readonly kind: "answer"; readonly secret: boolean };

const longestLine = 1024;
const historyLength = 100;
/** More choices than a screen holds help nobody. */
const choicesShown = 60;

export class LineEditor {
  readonly #options: LineEditorOptions;
  readonly #history: string[] = [];
  #historyAt = 0;
  #draft = "";
  #prompt = "";
  #mode: LineMode = { kind: "command" };
  #line = "";
  #cursor = 0;

  constructor(options: LineEditorOptions) {
    this.#options = options;
  }

  /** Starts a new line. Returns the prompt to draw. */
  begin(prompt: string, mode: LineMode = { kind: "command" }): string {
    this.#prompt = prompt;
    this.#mode = mode;
    this.#line = "";
    this.#cursor = 0;
    this.#historyAt = this.#history.length;
    return prompt;
  }

  /** Takes one key. `draw` is what the terminal gets; an event ends the line, and `begin` is due. */
  key(key: Key): { readonly draw: string; readonly event?: LineEvent } {
    const commanding = this.#mode.kind === "command";
    switch (key.type) {
      case "text":
        return commanding && key.text.includes("?") ? this.#textWithHelp(key.text) : { draw: this.#insert(key.text) };
      case "enter":
        return this.#submit();
      case "interrupt":
        return { draw: "^C\r\n", event: { type: "interrupt" } };
      case "end-of-input":
        return this.#line === ""
          ? { draw: "\r\n", event: { type: "end-of-input" } }
          : { draw: this.#erase(this.#cursor, this.#cursor + 1) };
      case "backspace":
        return { draw: this.#cursor === 0 ? "" : this.#erase(this.#cursor - 1, this.#cursor) };
      case "delete":
        return { draw: this.#erase(this.#cursor, this.#cursor + 1) };
      case "erase-line":
        return { draw: this.#erase(0, this.#cursor) };
      case "erase-to-end":
        return { draw: this.#erase(this.#cursor, this.#line.length) };
      case "erase-word":
        return { draw: this.#erase(wordStart(this.#line, this.#cursor), this.#cursor) };
      case "left":
        return { draw: this.#move(this.#cursor - 1) };
      case "right":
        return { draw: this.#move(this.#cursor + 1) };
      case "home":
        return { draw: this.#move(0) };
      case "end":
        return { draw: this.#move(this.#line.length) };
      case "up":
        return { draw: commanding ? this.#recall(this.#historyAt - 1) : "" };
      case "down":
        return { draw: commanding ? this.#recall(this.#historyAt + 1) : "" };
      case "redraw":
        return { draw: `\x1b[2J\x1b[H${this.#wholeLine()}` };
      case "tab":
        return { draw: "" };
    }
  }

  #textWithHelp(text: string): { draw: string } {
    let draw = "";
    for (const [index, part] of text.split("?").entries()) {
      if (index > 0) draw += this.#help();
      draw += this.#insert(part);
    }
    return { draw };
  }

  #insert(text: string): string {
    const accepted = text.slice(0, longestLine - this.#line.length);
    const tail = this.#line.slice(this.#cursor);
    this.#line = this.#line.slice(0, this.#cursor) + accepted + tail;
    this.#cursor += accepted.length;
    return this.#shown(accepted + tail) + back(tail.length);
  }

  #erase(from: number, to: number): string {
    const end = Math.min(to, this.#line.length);
    if (end <= from) return "";
    const moved = this.#move(from);
    this.#line = this.#line.slice(0, from) + this.#line.slice(end);
    const tail = this.#line.slice(from);
    return `${moved + this.#shown(tail)}\x1b[K${back(tail.length)}`;
  }

  #move(to: number): string {
    const target = Math.max(0, Math.min(this.#line.length, to));
    const distance = target - this.#cursor;
    this.#cursor = target;
    return distance < 0 ? back(-distance) : distance > 0 ? `\x1b[${distance}C` : "";
  }

  #recall(at: number): string {
    if (at < 0 || at > this.#history.length) return "";
    if (this.#historyAt === this.#history.length) this.#draft = this.#line;
    this.#historyAt = at;
    return this.#replace(this.#history[at] ?? this.#draft);
  }

  #replace(line: string): string {
    const start = this.#move(0);
    this.#line = line;
    this.#cursor = line.length;
    return `${start}${this.#shown(line)}\x1b[K`;
  }

  /** The line that a tab would complete; undefined where a tab does nothing. What it becomes may take a while to find out. */
  toComplete(): string | undefined {
    return this.#mode.kind === "command" && this.#cursor === this.#line.length ? this.#line : undefined;
  }

  /** Takes the completion of `toComplete`. Returns what to draw. */
  complete({ line, choices }: Completion): string {
    if (choices.length < 2) return this.#replace(line);
    this.#line = line;
    this.#cursor = line.length;
    const more = choices.length > choicesShown ? `  … and ${choices.length - choicesShown} more` : "";
    return `\r\n${choices.slice(0, choicesShown).join("  ")}${more}\r\n${this.#wholeLine()}`;
  }

  #help(): string {
    const lines = this.#options.help(this.#line.slice(0, this.#cursor));
    return `?\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${this.#wholeLine()}`;
  }

  #submit(): { draw: string; event: LineEvent } {
    const line = this.#line;
    const repeated = this.#history.at(-1) === line;
    if (this.#mode.kind === "command" && line.trim() !== "" && !repeated) {
      this.#history.push(line);
      if (this.#history.length > historyLength) this.#history.shift();
    }
    return { draw: "\r\n", event: { type: "line", line } };
  }

  #wholeLine(): string {
    return this.#prompt + this.#shown(this.#line) + back(this.#line.length - this.#cursor);
  }

  #shown(text: string): string {
    return this.#mode.kind === "answer" && this.#mode.secret ? "*".repeat(text.length) : text;
  }
}

const back = (columns: number): string => (columns === 0 ? "" : `\x1b[${columns}D`);

const wordStart = (line: string, from: number): number => line.slice(0, from).replace(/\S+\s*$/, "").length;
