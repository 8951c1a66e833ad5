/**
 * The vendor's config mode, which netmiko's `send_config_set` and its users rely on: `config` alone enters it, its lines do without that
 * word, and `exit` leaves it.
 */
import type { ShellCommands } from "./shell-commands.js";

const start = "config ";

export const entersConfigMode = /^config$/i;
export const leavesConfigMode = /^(?:exit|end)$/i;

/** E.g. `(Cisco Controller) config>`. */
export const configPrompt = (prompt: string): string => prompt.replace(/>$/, "config>");

/** A line of config mode as it is typed outside; one that is so already stays. */
export const outsideConfigMode = (line: string): string => (/^config\s/i.test(line) ? line : start + line);

export const inConfigMode = (commands: ShellCommands): ShellCommands => ({
  run: (line, ask) => commands.run(outsideConfigMode(line), ask),
  complete: async (typed) => {
    const { line, choices } = await commands.complete(start + typed);
    return { line: line.slice(start.length), choices };
  },
  help: (line) => commands.help(start + line),
});
