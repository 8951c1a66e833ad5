import type { Command } from "./command.js";

/** Longer commands have their help on a line of its own. */
const widthMax = 60;

/** How each command is typed, and what it does beside or below it. */
export function commandHelp(commands: readonly Command[]): string {
  if (commands.length === 0) return "No command begins so\n";
  const width = Math.max(0, ...commands.map(({ pattern }) => pattern.length).filter((length) => length <= widthMax));
  return commands
    .map(({ pattern, help }) => `${pattern.padEnd(width)}${pattern.length > width ? `\n${" ".repeat(width)}` : ""}  ${help}\n`)
    .join("");
}
