/** The import rule and the purity of the left layers (docs/architecture.md) as tables, and the checks that read them. */
import { dirname, join, normalize } from "node:path/posix";
import { importSpecifiers, withoutLiterals } from "./source-text.js";

/** Each layer and the layers that it may import. Twins (runtime and sim, cli and web) do not see each other. */
const importable: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ["base"],
  core: ["base", "wire"],
  runtime: ["base", "wire", "core"],
  sim: ["base", "wire", "core"],
  admin: ["base", "wire", "core", "runtime"],
  cli: ["base", "wire", "core", "runtime", "admin"],
  web: ["base", "wire", "core", "admin"],
  daemon: ["base", "wire", "core", "runtime", "sim", "admin", "cli", "web"],
};

/** Their sources import relative paths only and are the same run for the same input. */
export const pureLayers: readonly string[] = ["base", "wire", "core", "sim"];

/** A name that stands for itself: not a property (`.process`), not a private field, not a key (`process:`). */
const global = (names: string): RegExp => new RegExp(`(?<![.\\w$#])(?:${names})(?![\\w$]|\\s*\\??:)`);

/**
 * What makes code impure. The compiler already refuses Node's globals (`types: []` in tsconfig.pure.json); what it lets pass
 * belongs to the language itself, and the rest stands here so that an added `declare` or `lib` does not open the door again.
 * `fetch` is left to the compiler: it is also a fair name for a local.
 */
const impurities: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/\basync\b|\bawait\b|\bPromise\b/, "asynchronous code"],
  [/\bimport\s*\(/, "import()"],
  [global("require"), "require"],
  [global("Date|Temporal|performance"), "a clock"],
  [/\bMath\s*\.\s*random\b/, "Math.random"],
  [global("crypto"), "crypto"],
  [global("setTimeout|setInterval|setImmediate|queueMicrotask|requestAnimationFrame"), "a timer"],
  [global("WebSocket|EventSource|BroadcastChannel|MessageChannel|Worker"), "I/O"],
  [global("process|console|Buffer|navigator"), "Node's globals"],
  [global("globalThis|global|eval|Function"), "the global object"],
  [global("WeakRef|FinalizationRegistry|SharedArrayBuffer|Atomics"), "the garbage collector or other threads"],
  [/\bIntl\b|\blocaleCompare\b|\btoLocale[A-Z]\w*/, "the host's locale"],
];

const layerOf = (file: string): string => file.split("/")[0] as string;

/** @param file path below `src`, with forward slashes */
export function importFaults(file: string, source: string): string[] {
  const layer = layerOf(file);
  const allowed = importable[layer];
  if (allowed === undefined) return [`${layer} is not a layer`];
  return importSpecifiers(source).flatMap((specifier) => {
    if (!specifier.startsWith("."))
      return pureLayers.includes(layer) ? [`imports "${specifier}": ${layer} imports relative paths only`] : [];
    const target = layerOf(normalize(join(dirname(file), specifier)));
    return target === layer || allowed.includes(target) ? [] : [`imports "${specifier}": ${layer} may not import ${target}`];
  });
}

/** @param file path below `src`, with forward slashes */
export function purityFaults(file: string, source: string): string[] {
  if (!pureLayers.includes(layerOf(file))) return [];
  const code = withoutLiterals(source);
  return impurities.flatMap(([pattern, reason]) => (pattern.test(code) ? [reason] : []));
}

/** Names that a file exports by declaring them; re-exports do not count. */
export const exportedNames = (source: string): string[] =>
  Array.from(
    withoutLiterals(source).matchAll(
      /^export (?:declare )?(?:abstract )?(?:async )?(?:const|let|class|function\*?|interface|type|enum) (\w+)/gm,
    ),
    (match) => match[1] as string,
  );
