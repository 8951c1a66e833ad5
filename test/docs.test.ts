/** What docs and comments name exists: files everywhere; in docs/source-document.md also tests by their names, and scenarios. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
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

const filePath = /`((?:src|test|bench|native|fixtures|base|wire|core|runtime|sim|admin|cli|web|daemon)\/[\w./-]+\.(?:ts|tsx|js|c|h|md))`/g;

t.test("files that pages and comments name", async (t) => {
  const texts = ["docs", "src", "test", "bench", "native"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(?:md|tsx?|[ch])$/.test(name))
      .map((name) => join(folder, name)),
  );
  let count = 0;
  for (const text of [...texts, "README.md", "CONTRIBUTING.md", "SECURITY.md"]) {
    for (const [, path = ""] of readFileSync(join(root, text), "utf8").matchAll(filePath)) {
      count++;
      if (!["", "src", "test"].some((folder) => existsSync(join(root, folder, path)))) t.fail(`${text} names ${path}`);
    }
  }
  t.ok(count > 50, `${count} references`);
});
