import { textOf, utf8 } from "./bytes.js";

/** Characters that steer a terminal, end a line, change the direction of reading, or are invisible, so that two names look alike. */
const unshown = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}]/u;
const unshownRuns = new RegExp(`${unshown.source}+`, "gu");

/** Whether a text shows as what it is, on one line, wherever it is printed. */
export const isOneLine = (text: string): boolean => !unshown.test(text);

/** Text from anywhere as one line of at most `octetsMax` octets of UTF-8, for logs and for fields on the wire. */
export function oneLine(text: string, octetsMax: number): string {
  const plain = text.replace(unshownRuns, " ").trim();
  const octets = utf8(plain);
  let end = Math.min(octets.length, octetsMax);
  // Back to the start of a character that the cut would split.
  while (end < octets.length && ((octets[end] as number) & 0xc0) === 0x80) end--;
  return textOf(octets.subarray(0, end)) as string;
}
