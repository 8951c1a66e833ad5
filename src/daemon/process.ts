import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { stopsWithStdin } from "./stop-request.js";

/** One line of a daemon's log. */
export type ProcessLine = Readonly<Record<string, unknown>>;

const entryFile = fileURLToPath(new URL("../../../bin/flexup.js", import.meta.url));

/** Lines that a daemon printed before anybody waited for them, kept up to this many. */
const linesKept = 2000;

/**
 * A flexup daemon as a process of its own, watched through its log. It ends with this process, however that ends. The demo and the end-to-end tests
 * drive fleets of them.
 */
export class DaemonProcess {
  readonly #child: ChildProcess;
  readonly #lines: ProcessLine[] = [];
  readonly #waiting = new Set<() => void>();
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  #stderr = "";
  /** It has ended and all that it wrote is here; the end of the process alone comes sooner. */
  #closed = false;

  /**
   * @param args e.g. `["ap", "--data", dir]`
   * @param around a command that runs it, e.g. `["ip", "netns", "exec", name]`
   */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = process.env, around: readonly string[] = []) {
    const [program, ...words] = [...around, process.execPath, entryFile, ...args] as [string, ...string[]];
    this.#child = spawn(program, words, { env: { ...env, [stopsWithStdin]: "1" }, stdio: ["pipe", "pipe", "pipe"] });
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on("line", (text) => this.#onLine(text));
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk).slice(-10_000);
    });
    this.ended = new Promise((resolve) => {
      this.#child.on("close", (code, signal) => {
        this.#closed = true;
        resolve({ code, signal });
        this.#wakeAll();
      });
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get lines(): readonly ProcessLine[] {
    return this.#lines;
  }

  /** The end of what it wrote to standard error. */
  get stderr(): string {
    return this.#stderr;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /**
   * Resolves with the first log line, past ones included, of which `pick` makes something.
   * @throws Error when the process ends first, with the end of its standard error
   */
  async line<T>(pick: (line: ProcessLine) => T | undefined): Promise<T> {
    for (let next = 0; ; ) {
      for (; next < this.#lines.length; next++) {
        const picked = pick(this.#lines[next] as ProcessLine);
        if (picked !== undefined) return picked;
      }
      if (this.#closed)
        throw new Error(`flexup ended before the awaited log line: ${this.#stderr.trim() || JSON.stringify(this.#lines.at(-1))}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** SIGTERM: orderly. Resolves with the exit code, null when a signal ended it. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return (await this.ended).code;
  }

  /** SIGKILL: as a power cut. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  #onLine(text: string): void {
    let line: ProcessLine;
    try {
      line = JSON.parse(text);
    } catch {
      line = { msg: text };
    }
    if (this.#lines.length < linesKept) this.#lines.push(line);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
