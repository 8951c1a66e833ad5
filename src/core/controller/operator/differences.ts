/** What differs between two states of things that have names and settings. */

export type Settings = Readonly<Record<string, unknown>>;

export interface NamedSettings {
  readonly name: string;
  readonly settings: Settings;
}

export type ThingKind = "group" | "image" | "release" | "credential" | "activation";

export type Difference = { readonly kind: ThingKind; readonly name: string } & (
  | { readonly change: "added" | "removed"; readonly settings: Settings }
  | { readonly change: "set"; readonly setting: string; readonly before: unknown; readonly after: unknown }
);

/** Removed things first, then in the order of `after`. Empty when both are the same. */
export function differences(kind: ThingKind, before: readonly NamedSettings[], after: readonly NamedSettings[]): Difference[] {
  const was = new Map(before.map(({ name, settings }) => [name, settings]));
  const is = new Set(after.map(({ name }) => name));
  return [
    ...before.filter(({ name }) => !is.has(name)).map(({ name, settings }): Difference => ({ kind, name, change: "removed", settings })),
    ...after.flatMap(({ name, settings }): Difference[] => {
      const known = was.get(name);
      if (known === undefined) return [{ kind, name, change: "added", settings }];
      return Object.entries(settings)
        .filter(([setting, value]) => words(known[setting]) !== words(value))
        .map(([setting, value]) => ({ kind, name, change: "set", setting, before: known[setting], after: value }));
    }),
  ];
}

/** `+ group G` and a line for each of its settings, `- group G`, `~ group G: retryCount 44 -> 20`. */
export function differenceLines(difference: Difference): string[] {
  const thing = `${difference.kind} ${difference.name}`;
  switch (difference.change) {
    case "added":
      return [`+ ${thing}`, ...Object.entries(difference.settings).map(([setting, value]) => `+ ${thing}: ${setting} ${words(value)}`)];
    case "removed":
      return [`- ${thing}`];
    case "set":
      return [`~ ${thing}: ${difference.setting} ${words(difference.before)} -> ${words(difference.after)}`];
  }
}

const words = (value: unknown): string => (Array.isArray(value) ? `[${value.join(" ")}]` : String(value));
