import type { ApImageRow } from "../../core/controller/operator/views.js";

const barColumns = 24;
const roles: Readonly<Record<NonNullable<ApImageRow["role"]>, string>> = {
  primaryCentral: "primary",
  primaryLocal: "primary",
  subordinateLocal: "subordinate",
  subordinateCentral: "fallback",
};

/** One line for one AP: a bar, its role, where its bytes come from, how often it tried. */
export function apLine(row: ApImageRow): string {
  const share = row.status === "Complete" ? 1 : row.bytesTotal > 0 ? row.bytesDone / row.bytesTotal : 0;
  const full = Math.floor(share * barColumns);
  const bar = "█".repeat(full) + "░".repeat(barColumns - full);
  const wait = row.nextRetrySeconds === null ? "" : ` next try in ${row.nextRetrySeconds} s`;
  const role = row.role === null ? "" : roles[row.role];
  const tries = row.retryCount ? `${row.retryCount} ${row.retryCount === 1 ? "try" : "tries"}` : "";
  return `${row.name}  ${row.model.padEnd(13)} ${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${role.padEnd(11)} ${(row.source ?? "").padEnd(3)}  ${row.status.padEnd(14)} ${tries}${wait}`.trimEnd();
}

/** Draws rows over the ones drawn before on a terminal; elsewhere prints a line for each change of state. */
export class Picture {
  readonly #stream: NodeJS.WriteStream;
  #drawn = 0;
  readonly #printed = new Map<string, string>();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(rows: readonly ApImageRow[]): void {
    if (this.#stream.isTTY) {
      const up = this.#drawn === 0 ? "" : `\x1b[${this.#drawn}A`;
      this.#stream.write(up + rows.map((row) => `${apLine(row)}\x1b[K\n`).join(""));
      this.#drawn = rows.length;
      return;
    }
    for (const row of rows) {
      const state = `${row.status} ${row.source} ${row.retryCount}`;
      if (this.#printed.get(row.mac) === state || row.status === "None") continue;
      this.#printed.set(row.mac, state);
      this.#stream.write(`${apLine(row)}\n`);
    }
  }
}
