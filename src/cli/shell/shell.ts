/**
 * An operator's shell on one terminal: login dialogue, prompt, line editing, questions, paging.
 * It knows neither SSH nor HTTP: text comes in, text goes out, commands are run by a port.
 */
import { configPrompt, entersConfigMode, inConfigMode, leavesConfigMode, outsideConfigMode } from "./config-mode.js";
import { type Key, KeyReader } from "./keys.js";
import { LineEditor, type LineEvent, type LineMode } from "./line-editor.js";
import { morePrompt, Pager } from "./pager.js";
import type { ShellCommands } from "./shell-commands.js";

export interface ShellOptions {
  /** E.g. `(Cisco Controller) >`; scripts recognise it by its last character. */
  readonly prompt: string;
  /** False: the terminal takes no more until `drained`; no command runs meanwhile. */
  readonly write: (text: string) => unknown;
  /** Asks for no more input, or for more again: what was typed ahead is kept, not dropped. */
  readonly wantInput?: (wanted: boolean) => void;
  /** Ends the terminal. Called once. */
  readonly close: () => void;
  readonly rows: number;
  /**
   * The login dialogue of the vendor's controllers, for clients whose scripts answer it.
   * Undefined: the transport has already authenticated the user, and these commands may be run.
   */
  readonly login?: (user: string, password: string) => Promise<ShellCommands | undefined>;
  readonly commands?: ShellCommands;
}

/** The lines that end a shell. */
export const leavesShell = /^(?:logout|exit|quit)$/i;
const setsPaging = /^config\s+paging\s+(enable|disable)$/i;
/** What only a shell's terminal does; scripts send it with single commands too. */
export const isOfTerminals = (line: string): boolean => leavesShell.test(line) || setsPaging.test(line);

/** With so many keys typed ahead, no more are asked for. */
const typeAheadMax = 256;
const loginAttemptsMax = 3;

export class Shell {
  readonly #options: ShellOptions;
  readonly #keys = new KeyReader();
  readonly #editor: LineEditor;
  readonly #waiting: Key[] = [];
  #commands: ShellCommands | undefined;
  #inConfigMode = false;
  #rows: number;
  #paging = true;
  #pager: Pager | undefined;
  /** Receives the next line; undefined while a command runs. */
  #onLine: ((event: LineEvent) => void) | undefined;
  #closed = false;
  /** The terminal takes no more. */
  #full = false;
  #wantsInput = true;

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#commands = options.commands;
    this.#rows = options.rows;
    this.#editor = new LineEditor({ help: (line) => this.#commandsInMode?.help(line) ?? [] });
  }

  get #commandsInMode(): ShellCommands | undefined {
    return this.#inConfigMode && this.#commands ? inConfigMode(this.#commands) : this.#commands;
  }

  start(): void {
    if (this.#options.login === undefined) this.#prompt();
    else void this.#logIn(this.#options.login);
  }

  input(text: string): void {
    for (const key of this.#keys.read(text)) this.#waiting.push(key);
    this.#drain();
  }

  /** The terminal takes more again. */
  drained(): void {
    this.#full = false;
    this.#drain();
  }

  resize(rows: number): void {
    this.#rows = rows;
  }

  /** The carrier is gone. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onLine?.({ type: "end-of-input" });
  }

  #drain(): void {
    while (!this.#closed && !this.#full && this.#waiting.length > 0) {
      if (this.#pager !== undefined) this.#turnPage(this.#waiting.shift() as Key);
      else if (this.#onLine !== undefined) this.#edit(this.#waiting.shift() as Key);
      else break;
    }
    const wanted = this.#waiting.length <= typeAheadMax;
    if (wanted !== this.#wantsInput) this.#options.wantInput?.(wanted);
    this.#wantsInput = wanted;
  }

  #write(text: string): void {
    if (this.#options.write(text) === false) this.#full = true;
  }

  #edit(key: Key): void {
    const line = key.type === "tab" ? this.#editor.toComplete() : undefined;
    const commands = this.#commandsInMode;
    if (line !== undefined && commands !== undefined) {
      void this.#complete(line, commands);
      return;
    }
    const { draw, event } = this.#editor.key(key);
    if (draw !== "") this.#write(draw);
    if (event === undefined) return;
    const take = this.#onLine;
    this.#onLine = undefined;
    take?.(event);
  }

  /** Keys wait meanwhile, as they do while a command runs. */
  async #complete(line: string, commands: ShellCommands): Promise<void> {
    const take = this.#onLine;
    this.#onLine = undefined;
    const completion = await commands.complete(line);
    if (this.#closed) {
      take?.({ type: "end-of-input" });
      return;
    }
    this.#onLine = take;
    this.#write(this.#editor.complete(completion));
    this.#drain();
  }

  #readLine(prompt: string, mode: LineMode): Promise<LineEvent> {
    if (this.#closed) return Promise.resolve({ type: "end-of-input" });
    this.#write(this.#editor.begin(prompt, mode));
    return new Promise((resolve) => {
      this.#onLine = resolve;
      this.#drain();
    });
  }

  async #logIn(login: NonNullable<ShellOptions["login"]>): Promise<void> {
    for (let attempt = 0; attempt < loginAttemptsMax && this.#commands === undefined; attempt++) {
      this.#write("\r\n\r\n(Cisco Controller) \r\n");
      const user = await this.#readLine("User: ", { kind: "answer", secret: false });
      if (user.type !== "line") break;
      const password = await this.#readLine("Password:", { kind: "answer", secret: true });
      if (password.type !== "line") break;
      this.#commands = await login(user.line, password.line);
    }
    if (this.#commands === undefined) this.#hangUp();
    else this.#prompt();
  }

  #prompt(): void {
    if (this.#closed) return;
    const { prompt } = this.#options;
    void this.#readLine(this.#inConfigMode ? configPrompt(prompt) : prompt, { kind: "command" }).then((event) =>
      this.#onCommandLine(event),
    );
  }

  #onCommandLine(event: LineEvent): void {
    const line = event.type === "line" ? event.line.trim() : "";
    const paging = setsPaging.exec(this.#inConfigMode ? outsideConfigMode(line) : line)?.[1];
    const turnsMode = (this.#inConfigMode ? leavesConfigMode : entersConfigMode).test(line);
    if (turnsMode) this.#inConfigMode = !this.#inConfigMode;
    if (event.type === "end-of-input" || (leavesShell.test(line) && !turnsMode)) this.#hangUp();
    else if (line === "" || turnsMode) this.#prompt();
    else if (paging !== undefined) {
      this.#paging = paging.toLowerCase() === "enable";
      this.#show("");
    } else void this.#commandsInMode?.run(line, (question) => this.#ask(question)).then(({ text }) => this.#show(text));
  }

  async #ask(question: string): Promise<string | undefined> {
    const event = await this.#readLine(question, { kind: "answer", secret: false });
    return event.type === "line" ? event.line : undefined;
  }

  #show(text: string): void {
    if (this.#closed) return;
    this.#pager = new Pager(text);
    this.#writePage(this.#paging ? this.#rows : Number.POSITIVE_INFINITY);
  }

  #writePage(rows: number): void {
    const pager = this.#pager as Pager;
    this.#write(pager.next(rows));
    if (pager.done) this.#leavePager();
    else this.#write(morePrompt);
  }

  #turnPage(key: Key): void {
    this.#write(`\r${" ".repeat(morePrompt.length)}\r`);
    const quits = key.type === "interrupt" || (key.type === "text" && /^q/i.test(key.text));
    if (quits) this.#leavePager();
    else this.#writePage(this.#rows);
  }

  #leavePager(): void {
    this.#pager = undefined;
    this.#write("\r\n");
    this.#prompt();
  }

  #hangUp(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.close();
  }
}
