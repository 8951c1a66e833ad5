/**
 * A text that is drawn again and again in one place of a terminal. It uses the terminal's second screen, as `less` and `watch` do: what
 * was there before is there again afterwards, whatever was resized meanwhile.
 */
export interface Screen {
  write(text: string): unknown;
  /** A terminal that can be drawn over. */
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";
const home = "\u001b[H";
const eraseRight = "\u001b[K";
const eraseBelow = "\u001b[J";

/** For a terminal that does not report its size. */
export const usualSize = { columns: 80, rows: 24 } as const;

export class LiveScreen {
  readonly #screen: Screen;
  readonly #restore = (): unknown => this.#screen.write(leave);
  #open = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get columns(): number {
    return this.#screen.columns || usualSize.columns;
  }

  get rows(): number {
    return this.#screen.rows || usualSize.rows;
  }

  /** Draws lines over the last ones, cut to what the terminal shows now. One write, so that it does not flicker. */
  draw(lines: readonly string[]): void {
    const shown = lines.length <= this.rows ? lines : [...lines.slice(0, this.rows - 1), `… ${lines.length - this.rows + 1} more lines`];
    const text = shown.map((line) => line.slice(0, this.columns) + eraseRight).join("\r\n");
    if (!this.#open) process.once("exit", this.#restore);
    this.#screen.write(`${this.#open ? "" : enter}${home}${text}${eraseBelow}`);
    this.#open = true;
  }

  /** Gives the terminal back. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    process.off("exit", this.#restore);
    this.#restore();
  }
}
