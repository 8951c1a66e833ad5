import type { Command } from "./command.js";

/** One line a command: how it is typed, and what it does. */
export function commandHelp(commands: readonly Command[]): string {
  if (commands.length === 0) return "No command begins so\n";
  const width = Math.min(60, Math.max(...commands.map(({ pattern }) => pattern.length)));
  return commands.map(({ pattern, help }) => `${pattern.padEnd(width)}  ${help}\n`).join("");
}
