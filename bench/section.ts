/** docs/benchmarks.md: every benchmark replaces its own section, between markers, and leaves the others alone. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));
const head = "# Benchmarks\n";

/** @param name of the benchmark, as in `npm run bench:NAME` */
export function writeSection(name: string, title: string, lines: readonly string[]): void {
  const [start, end] = [`<!-- bench:${name} begins -->`, `<!-- bench:${name} ends -->`];
  const section = `${start}\n## ${title} (\`npm run bench:${name}\`)\n\n${lines.join("\n").trimEnd()}\n\n${end}\n`;
  const before = existsSync(page) ? readFileSync(page, "utf8") : head;
  const [from, to] = [before.indexOf(start), before.indexOf(end)];
  writeFileSync(
    page,
    from < 0 || to < 0 ? `${before}\n${section}` : before.slice(0, from) + section.trimEnd() + before.slice(to + end.length),
  );
}
