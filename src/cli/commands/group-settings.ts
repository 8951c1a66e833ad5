/** The commands that set a group's settings, from the rows of `core/controller/operator/group-settings.ts`. */
import {
  type GroupSettingsChange,
  groupSettingList,
  type LocatedSetting,
  type SwitchSetting,
} from "../../core/controller/operator/group-settings.js";
import { type Command, command } from "../command.js";
import type { Values } from "../grammar.js";

const predownload = "config flexconnect group <group> predownload";

/** One for each word of a switch; one for the other settings that share their words. */
export const groupSettingCommands: readonly Command[] = [...byCommand(groupSettingList)].flatMap(([words, settings]) => {
  const pattern = words === "" ? predownload : `${predownload} ${words}`;
  const [first] = settings as [LocatedSetting, ...LocatedSetting[]];
  const { setting, path } = first;
  if (setting.kind === "switch") return switchCommands(pattern, setting, path);
  return [settingCommand(pattern, setting.help, settings)];
});

function switchCommands(pattern: string, { helpOn, helpOff }: SwitchSetting, path: readonly string[]): Command[] {
  const turn = (enabled: boolean, help: string): Command =>
    command(`${pattern} ${enabled ? "enable" : "disable"}`, {
      help,
      order: (typed: Values) => ({ type: "group-set", group: typed["group"] as string, settings: changeOf([[path, enabled]]) }),
    });
  return [turn(true, helpOn), turn(false, helpOff)];
}

function settingCommand(words: string, help: string, settings: readonly LocatedSetting[]): Command {
  const values = settings.flatMap(({ setting, path }) => (setting.kind === "switch" ? [] : [{ name: setting.parameter, path }]));
  return command(`${words} ${values.map(({ name }) => `<${name}>`).join(" ")}`, {
    help,
    order: (typed: Values) => ({
      type: "group-set",
      group: typed["group"] as string,
      settings: changeOf(values.map(({ name, path }) => [path, typed[name]])),
    }),
  });
}

function byCommand(settings: readonly LocatedSetting[]): Map<string, LocatedSetting[]> {
  const commands = new Map<string, LocatedSetting[]>();
  for (const located of settings) {
    const same = commands.get(located.setting.command);
    if (same) same.push(located);
    else commands.set(located.setting.command, [located]);
  }
  return commands;
}

function changeOf(values: readonly (readonly [path: readonly string[], value: unknown])[]): GroupSettingsChange {
  const change: Record<string, unknown> = {};
  for (const [path, value] of values) put(change, path, value);
  return change as GroupSettingsChange;
}

function put(place: Record<string, unknown>, [name, ...below]: readonly string[], value: unknown): void {
  if (name === undefined) return;
  if (below.length === 0) place[name] = value;
  else {
    const inner = (place[name] ?? {}) as Record<string, unknown>;
    place[name] = inner;
    put(inner, below, value);
  }
}
