/** How far an upload is: a bar on a terminal; elsewhere a line for each tenth but the last, after which the command speaks. */
import { type Screen, usualSize } from "./live-screen.js";
import { decimalBytesText, progressText } from "./tftp/units.js";

const drawnEveryMs = 100;
const lineParts = 10;
const barRoom = " [] 100 %  999.9 MB of 999.9 MB  999.9 MB/s".length;
const barColumnsMax = 30;
const nameColumnsMax = 18;

export class UploadProgress {
  readonly #screen: Screen;
  readonly #name: string;
  readonly #startedAt = performance.now();
  #drawnAt = Number.NEGATIVE_INFINITY;
  #part = 0;
  #ended = false;

  constructor(screen: Screen, name: string) {
    this.#screen = screen;
    this.#name = name.length > nameColumnsMax ? `${name.slice(0, nameColumnsMax - 3)}...` : name;
  }

  sent(bytes: number, total: number): void {
    if (this.#ended) return;
    if (this.#screen.isTTY) this.#draw(bytes, total);
    else this.#tell(bytes, total);
  }

  /** Leaves an empty line on a terminal, for what comes next. */
  end(): void {
    this.#ended = true;
    if (this.#screen.isTTY) this.#screen.write("\r\u001b[K");
  }

  #draw(bytes: number, total: number): void {
    const now = performance.now();
    if (bytes < total && now - this.#drawnAt < drawnEveryMs) return;
    this.#drawnAt = now;
    // The last column stays empty: a full line would wrap.
    const room = (this.#screen.columns || usualSize.columns) - 1;
    const width = Math.max(0, Math.min(barColumnsMax, room - barRoom - this.#name.length));
    const bar =
      bytes < total ? progressText(bytes, total, now - this.#startedAt, width).replace("[] ", "") : "sent; the controller stores it";
    this.#screen.write(`\r${`${this.#name} ${bar}`.slice(0, room)}\u001b[K`);
  }

  #tell(bytes: number, total: number): void {
    const part = Math.floor((bytes * lineParts) / total);
    if (part === this.#part || part === lineParts) return;
    this.#part = part;
    this.#screen.write(`${this.#name}: ${Math.floor((100 * bytes) / total)} %, ${decimalBytesText(bytes)} of ${decimalBytesText(total)}\n`);
  }
}
