/** What docs/source-document.md names exists: each file, each test by its name, each scenario. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const page = readFileSync(join(root, "docs", "source-document.md"), "utf8");

/** `` `e2e/faults` "three sessions" and more of the same file ``, or a scenario, or a source file. */
const named = [...page.matchAll(/`([a-z][\w-]*(?:\/[\w-]+)+(?:\.ts)?|[\w-]+\.txt)`((?:,? "[^"]+")*)/g)].map(([, file, tests]) => ({
  file: file as string,
  tests: [...(tests as string).matchAll(/"(?:… )?([^"]+)"/g)].map(([, name]) => name as string),
}));

t.test("the source document's table", async (t) => {
  t.ok(named.length > 40, `${named.length} names`);
  for (const { file, tests } of named) {
    const places = [file, `test/${file}.test.ts`, `src/${file}`, `fixtures/${file}`, `fixtures/scenarios/${file}`];
    const found = places.find((place) => existsSync(join(root, place)));
    if (found === undefined) t.fail(`there is no ${file}`);
    const text = found !== undefined && tests.length > 0 ? readFileSync(join(root, found), "utf8") : "";
    for (const name of tests) if (!text.includes(name)) t.fail(`${file} has no test "${name}"`);
  }
});
