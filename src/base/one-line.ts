import { textOf, utf8 } from "./bytes.js";

/** Text from anywhere as one line of at most `octetsMax` octets of UTF-8, for logs and for fields on the wire. */
export function oneLine(text: string, octetsMax: number): string {
  const plain = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
  const octets = utf8(plain);
  let end = Math.min(octets.length, octetsMax);
  // Back to the start of a character that the cut would split.
  while (end < octets.length && ((octets[end] as number) & 0xc0) === 0x80) end--;
  return textOf(octets.subarray(0, end)) as string;
}
