/** The source rules (test/tidy/source-rules.ts) applied to every file of `src`. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { exportedNames, importFaults, purityFaults } from "./tidy/source-rules.js";
import { importSpecifiers, withoutComments } from "./tidy/source-text.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const source = join(root, "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => ({ name: name.split(sep).join("/"), text: readFileSync(join(source, name), "utf8") }));

t.test("imports go one way, and the pure layers import relative paths only", async (t) => {
  t.ok(files.length > 10, "there are sources to read");
  for (const { name, text } of files) for (const fault of importFaults(name, text)) t.fail(`${name}: ${fault}`);
});

t.test("the pure layers hold no I/O, clock, randomness or asynchrony", async (t) => {
  for (const { name, text } of files) for (const fault of purityFaults(name, text)) t.fail(`${name}: ${fault}`);
});

t.test("no files import each other in a loop, not even for types", async (t) => {
  const known = new Map(files.map((file) => [file.name, file.text]));
  const targets = (name: string): string[] => {
    const paths = importSpecifiers(known.get(name) as string).map((specifier) => join(dirname(name), specifier.replace(/\.js$/, "")));
    return paths.flatMap((path) => [`${path}.ts`, `${path}.tsx`].filter((file) => known.has(file)));
  };
  const finished = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) return void t.fail([...path.slice(path.indexOf(name)), name].join(" → "));
    if (finished.has(name)) return;
    for (const target of targets(name)) visit(target, [...path, name]);
    finished.add(name);
  };
  for (const { name } of files) visit(name, []);
  t.equal(finished.size, files.length);
});

t.test("an exported name means one thing in all of src", async (t) => {
  const owners = new Map<string, string>();
  for (const { name, text } of files)
    for (const exported of exportedNames(text)) {
      const owner = owners.get(exported);
      if (owner !== undefined) t.fail(`${exported}: exported by ${owner} and by ${name}`);
      owners.set(exported, name);
    }
  t.ok(owners.size > 500, "there are names to compare");
});

t.test("an operator's command starts without what daemons need", async (t) => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = withoutComments(readFileSync(path, "utf8"));
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
