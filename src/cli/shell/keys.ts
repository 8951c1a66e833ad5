/** Keys as terminals send them, recognised across the borders of packets. */
export type Key =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type:
        | "enter"
        | "backspace"
        | "delete"
        | "left"
        | "right"
        | "up"
        | "down"
        | "home"
        | "end"
        | "tab"
        | "erase-line"
        | "erase-word"
        | "erase-to-end"
        | "interrupt"
        | "end-of-input"
        | "redraw";
    };
type Plain = Exclude<Key["type"], "text">;

/** Control characters, and what follows `ESC [` or `ESC O`. */
const control: Readonly<Record<string, Plain>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\b": "backspace",
  "\x7f": "backspace",
  "\x01": "home",
  "\x02": "left",
  "\x03": "interrupt",
  "\x04": "end-of-input",
  "\x05": "end",
  "\x06": "right",
  "\x0b": "erase-to-end",
  "\x0c": "redraw",
  "\x0e": "down",
  "\x10": "up",
  "\x15": "erase-line",
  "\x17": "erase-word",
};
const sequences: Readonly<Record<string, Plain>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  "1~": "home",
  "3~": "delete",
  "4~": "end",
  "7~": "home",
  "8~": "end",
};

/** An escape sequence that grows longer than any that we know is noise. */
const longestSequence = 8;

export class KeyReader {
  #escape: string | undefined;
  #afterReturn = false;

  /** CR, LF and CR LF are one `enter`; unknown sequences and control characters are nothing. */
  read(input: string): Key[] {
    const keys: Key[] = [];
    let run = "";
    const flush = (): void => {
      if (run !== "") keys.push({ type: "text", text: run });
      run = "";
    };
    for (const character of input) {
      if (this.#escape !== undefined) {
        flush();
        this.#readEscape(character, keys);
        continue;
      }
      const repeatsReturn = character === "\n" && this.#afterReturn;
      this.#afterReturn = character === "\r";
      if (repeatsReturn) continue;
      const key = control[character];
      if (character === "\x1b") this.#escape = "";
      else if (key !== undefined) {
        flush();
        keys.push({ type: key });
      } else if (character >= " ") run += character;
    }
    flush();
    return keys;
  }

  #readEscape(character: string, keys: Key[]): void {
    const sofar = this.#escape ?? "";
    if (sofar === "" && (character === "[" || character === "O")) this.#escape = character;
    else if (sofar === "" || sofar.length > longestSequence) this.#escape = undefined;
    else if (/[0-9;]/.test(character)) this.#escape = sofar + character;
    else {
      this.#escape = undefined;
      const key = sequences[sofar.slice(1) + character];
      if (key !== undefined) keys.push({ type: key });
    }
  }
}
