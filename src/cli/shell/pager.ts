/** Shows long output a screen at a time, as the vendor's controller does until `config paging disable`. */
export const morePrompt = "--More-- or (q)uit";

export class Pager {
  #lines: string[];
  #at = 0;

  /** @param text output with LF line ends; a last line without one counts too */
  constructor(text: string) {
    this.#lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  }

  get done(): boolean {
    return this.#at >= this.#lines.length;
  }

  /** The next `rows - 1` lines with CR LF ends; the last row is the prompt's. */
  next(rows: number): string {
    const page = this.#lines.slice(this.#at, this.#at + Math.max(1, rows - 1));
    this.#at += page.length;
    return page.map((line) => `${line}\r\n`).join("");
  }
}
