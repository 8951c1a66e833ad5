import { emptyVersion } from "../../core/upgrade/limits.js";

/** One table line: each cell padded to its width, one blank between. A longer cell pushes the rest, as the vendor's tables do. */
export const columns = (widths: readonly number[], cells: readonly string[], gap = " "): string =>
  cells.map((cell, index) => cell.padEnd(widths[index] as number)).join(gap);

/** A version for columns in which parsers take digits and dots alone; what an AP's own version has beyond them is left out. */
export const dottedNumber = (version: string): string => /^\d+(?:\.\d+)*/.exec(version)?.[0] ?? emptyVersion;

/** The line of dashes under a table's header. */
export const dashes = (widths: readonly number[], gap = " "): string => widths.map((width) => "-".repeat(width)).join(gap);

/** `Primary Boot Image............................... 8.10.183.0`: label and dots make `width` characters. */
export const dotted = (label: string, value: string | number, width: number): string => `${label.padEnd(width, ".")} ${value}`;

export const lines = (...all: readonly string[]): string => `${all.join("\n")}\n`;
