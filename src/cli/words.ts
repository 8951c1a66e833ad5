/** One word of a command line. A quoted word is a value, never a keyword. */
export interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

/**
 * Splits a typed line at blanks. Single and double quotes keep blanks together; within double quotes `\"` and `\\` stand for themselves.
 * Undefined while a quote is still open.
 */
export function splitWords(line: string): Word[] | undefined {
  const words: Word[] = [];
  let text = "";
  let quoted = false;
  let quote: string | undefined;
  const end = (): void => {
    if (text !== "" || quoted) words.push({ text, quoted });
    text = "";
    quoted = false;
  };
  for (let at = 0; at < line.length; at++) {
    const character = line[at] as string;
    if (quote !== undefined) {
      const next = line[at + 1];
      if (character === quote) quote = undefined;
      else if (character === "\\" && quote === '"' && (next === '"' || next === "\\")) {
        text += next;
        at++;
      } else text += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      quoted = true;
    } else if (/\s/.test(character)) end();
    else text += character;
  }
  if (quote !== undefined) return undefined;
  end();
  return words;
}

/** A word as it must be typed to be read as this value. */
export const quotedIfNeeded = (text: string): string => (/^[^\s"'\\]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`);
