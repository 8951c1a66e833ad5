/** The import rule and the purity of the left layers (docs/architecture.md), read off the sources themselves. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const source = join(root, "src");

/** Each layer and the layers to its left. Twins (runtime and sim, cli and web) do not see each other. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
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
const pureLayers = ["base", "wire", "core", "sim"];
const impurities: readonly (readonly [RegExp, string])[] = [
  [/from "node:/, "node:* import"],
  [/\basync\b|\bawait\b/, "async"],
  [/\bDate\b/, "Date"],
  [/\bMath\.random\b/, "Math.random"],
  [/\bset(?:Timeout|Interval|Immediate)\b/, "timer"],
  [/\bprocess\.|\bconsole\./, "process or console"],
];

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");

t.test("imports go one way", async (t) => {
  t.ok(files.length > 10, "there are sources to read");
  for (const name of files) {
    const layer = name.split(sep)[0] as string;
    const allowed = mayImport[layer];
    if (allowed === undefined) {
      t.fail(`${name}: ${layer} is no layer`);
      continue;
    }
    for (const [, target] of code(readFileSync(join(source, name), "utf8")).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const targetLayer = relative(source, join(source, dirname(name), target as string)).split(sep)[0] as string;
      if (targetLayer !== layer && !allowed.includes(targetLayer)) t.fail(`${name} imports ${target}: ${layer} may not see ${targetLayer}`);
    }
  }
});

t.test("no files import each other in a loop, for types neither", async (t) => {
  const targets = (name: string): string[] => {
    const imports = code(readFileSync(join(source, name), "utf8")).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)\.js"/g);
    const paths = [...imports].map(([, target]) => join(dirname(name), target as string));
    return paths.flatMap((path) => files.filter((file) => file === `${path}.ts` || file === `${path}.tsx`));
  };
  const finished = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) return void t.fail([...path.slice(path.indexOf(name)), name].join(" → "));
    if (finished.has(name)) return;
    for (const target of targets(name)) visit(target, [...path, name]);
    finished.add(name);
  };
  for (const name of files) visit(name, []);
  t.equal(finished.size, files.length);
});

t.test("an operator's command starts without what daemons need", async (t) => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = code(readFileSync(path, "utf8"));
    for (const [, types, target] of text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"/gm)) {
      if (types !== undefined) continue;
      if ((target as string).startsWith(".")) visit(join(dirname(path), (target as string).replace(/\.js$/, ".ts")));
      else if (!(target as string).startsWith("node:")) packages.add(target as string);
    }
  };
  visit(join(source, "daemon", "main.ts"));
  t.ok(seen.size > 20, "there are imports to follow");
  t.same([...packages], ["commander"]);
});

t.test("the pure layers hold no I/O, clock or randomness", async (t) => {
  for (const name of files.filter((name) => pureLayers.includes(name.split(sep)[0] as string))) {
    const text = code(readFileSync(join(source, name), "utf8")).replace(/"(?:[^"\\\n]|\\.)*"(?!;)/g, '""');
    for (const [pattern, what] of impurities) if (pattern.test(text)) t.fail(`${name}: ${what}`);
  }
});
