/** Processes whose wall clock is wrong, by libfaketime where it is installed. */
import { existsSync } from "node:fs";

const libraries = ["x86_64", "aarch64"].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`);
const library = libraries.find((path) => existsSync(path));

export const whyNoClocks = library === undefined ? "libfaketime is not installed" : undefined;

/** The command that runs another one with its clock off by so many days. */
export const offByDays = (days: number): readonly string[] => [
  "env",
  `LD_PRELOAD=${library}`,
  `FAKETIME=${days < 0 ? "" : "+"}${days}d`,
  "FAKETIME_DONT_FAKE_MONOTONIC=1",
];
