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

/** A line cut before the word that is being typed, whose text may begin with a quote that is still open. */
export function splitLast(line: string): { readonly head: string; readonly begun: string } {
  for (let at = line.length; at >= 0; at--) {
    const isStart = at === 0 || /\s/.test(line[at - 1] as string);
    const begun = line.slice(at);
    // A blank within quotes does not end a word.
    if (isStart && !/^\s/.test(begun) && splitWords(line.slice(0, at)) !== undefined) return { head: line.slice(0, at), begun };
  }
  return { head: "", begun: line };
}

/** A word as it must be typed to be read as this value. */
export const quotedIfNeeded = (text: string): string => (/^[^\s"'\\]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`);
