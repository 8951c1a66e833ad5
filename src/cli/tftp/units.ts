import { parseScaled } from "../../base/scaled-number.js";

/** `1.5M` bits per second as octets per second; k, M and G are powers of ten. Undefined if malformed. */
export function parseBitRate(text: string): number | undefined {
  const bitsPerSecond = parseScaled(text) ?? 0;
  return bitsPerSecond >= 8 ? bitsPerSecond / 8 : undefined;
}

/** `12.3 MB`, powers of ten. */
export const decimalBytesText = (bytes: number): string => {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return power === 0 ? `${bytes} B` : `${(bytes / 1000 ** power).toFixed(1)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
};

/** A bar of `width` signs with percentage; without a known total just the bytes. */
export function progressText(bytesDone: number, bytesTotal: number | undefined, elapsedMs: number, width = 30): string {
  const rate = `${decimalBytesText(elapsedMs > 0 ? Math.round((bytesDone * 1000) / elapsedMs) : 0)}/s`;
  if (bytesTotal === undefined) return `${decimalBytesText(bytesDone)}  ${rate}`;
  const share = bytesTotal === 0 ? 1 : bytesDone / bytesTotal;
  const full = Math.floor(share * width);
  return `[${"#".repeat(full)}${".".repeat(width - full)}] ${Math.floor(share * 100)
    .toString()
    .padStart(3)} %  ${decimalBytesText(bytesDone)} of ${decimalBytesText(bytesTotal)}  ${rate}`;
}
