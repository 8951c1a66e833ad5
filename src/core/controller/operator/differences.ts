/** What differs between two states of things that have names and settings, as lines for people. */

export interface NamedSettings {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** One line a difference: `+ group G`, `- group G`, `~ group G: retryCount 44 -> 20`. Empty when both are the same. */
export function differences(kind: string, before: readonly NamedSettings[], after: readonly NamedSettings[]): string[] {
  const was = new Map(before.map(({ name, settings }) => [name, settings]));
  const is = new Set(after.map(({ name }) => name));
  return [
    ...before.filter(({ name }) => !is.has(name)).map(({ name }) => `- ${kind} ${name}`),
    ...after.flatMap(({ name, settings }) => {
      const known = was.get(name);
      return known === undefined
        ? [`+ ${kind} ${name}`, ...Object.entries(settings).map(([setting, value]) => `+ ${kind} ${name}: ${setting} ${words(value)}`)]
        : Object.entries(settings)
            .filter(([setting, value]) => words(known[setting]) !== words(value))
            .map(([setting, value]) => `~ ${kind} ${name}: ${setting} ${words(known[setting])} -> ${words(value)}`);
    }),
  ];
}

const words = (value: unknown): string => (Array.isArray(value) ? `[${value.join(" ")}]` : String(value));
