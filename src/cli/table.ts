import type { Command } from "./command.js";
import { configCommands } from "./commands/config.js";
import { configurationCommands } from "./commands/configuration.js";
import { imageCommands } from "./commands/image.js";
import { showCommands } from "./commands/show.js";
import { Grammar } from "./grammar.js";

/** Every operator command, in the order of the help: the one source for one-shot commands, the shell, SSH and completion. */
export const commandTable: readonly Command[] = [...showCommands, ...configCommands, ...configurationCommands, ...imageCommands];

export const operatorGrammar = new Grammar(commandTable);
