/** The checkers themselves: each kind of fault is found, and what only looks like one is not. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { importFaults, pureLayers, purityFaults } from "./source-rules.js";
import { importSpecifiers } from "./source-text.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

t.test("every form of import is seen", async (t) => {
  const forms = [
    'import "libsql";',
    'import fs from "fs";',
    'import type { Readable } from "node:stream";',
    "import { x } from 'single-quoted';",
    'export * from "zod";',
    'export { y } from\n  "on-the-next-line";',
    'const lazy = await import("pino");',
    "const template = import(`ssh2`);",
    'type T = import("fastify").FastifyInstance;',
    'const old = require("dgram");',
  ];
  t.same(importSpecifiers(forms.join("\n")), [
    "libsql",
    "fs",
    "node:stream",
    "single-quoted",
    "zod",
    "on-the-next-line",
    "pino",
    "ssh2",
    "fastify",
    "dgram",
  ]);
  for (const form of forms) t.equal(importFaults("core/tftp/a.ts", form).length, 1, form);
  for (const form of forms) t.same(importFaults("runtime/tftp/a.ts", form), [], "packages are for the impure layers");
});

t.test("a comment is not an import, and a string hides none", async (t) => {
  t.same(importSpecifiers('// import "a"\n/* from "b" */ const url = "http://x"; import "c";'), ["c"]);
  t.same(importSpecifiers('const quote = "/*"; import "d"; const end = "*/";'), ["d"]);
});

t.test("imports go to the left", async (t) => {
  t.same(importFaults("core/ap/agent.ts", 'import "../../wire/tftp/packet.js"; import "./reset.js"; import "../tftp/client.js";'), []);
  t.same(importFaults("wire/tftp/packet.ts", 'import "../../core/tftp/client.js";'), [
    'imports "../../core/tftp/client.js": wire may not import core',
  ]);
  t.same(importFaults("runtime/host.ts", 'import "../sim/world.js";'), ['imports "../sim/world.js": runtime may not import sim']);
  t.same(importFaults("core/a.ts", 'export type { X } from "../../test/x.js";'), ['imports "../../test/x.js": core may not import ..']);
  t.same(importFaults("attic/a.ts", ""), ["attic is not a layer"]);
});

t.test("every kind of impurity is found", async (t) => {
  const impure = [
    "async function f() {}",
    "const p: Promise<void> = q;",
    'import("./late.js");',
    'const fs = require("fs");',
    "const now = Date.now();",
    "const now = new Date();",
    "const now = performance.now();",
    "const r = Math.random();",
    "const id = crypto.randomUUID();",
    "setTimeout(() => {}, 1);",
    "setInterval(f, 1);",
    "setImmediate(f);",
    "queueMicrotask(f);",
    "process.exit(1);",
    "console.log(1);",
    "Buffer.from(bytes);",
    "globalThis.x = 1;",
    'eval("1");',
    "new WeakRef(x);",
    "a.localeCompare(b);",
    "n.toLocaleString();",
  ];
  for (const layer of pureLayers) for (const code of impure) t.equal(purityFaults(`${layer}/a.ts`, code).length, 1, `${layer}: ${code}`);
  for (const code of impure) t.same(purityFaults("runtime/a.ts", code), []);
});

t.test("words, properties and keys are not globals", async (t) => {
  const pure = [
    "// at no Date, process or fetch",
    'const reason = "the fetch timed out: Date of process";',
    "const text = `console`;",
    "this.#fetch.step(now, input, out);",
    "agent.fetch(image);",
    "const effects = { fetch: 1, process: 2 };",
    "interface Options { readonly fetch?: Fetch }",
    "const processed = fetchImage(dateOf(x), asyncTimes);",
  ];
  for (const code of pure) t.same(purityFaults("core/a.ts", code), [], code);
});

/** The program itself: tap's loaders, which every child Node of a test gets, keep TypeScript's own launcher from starting. */
const compilerPackage = createRequire(import.meta.url).resolve(`@typescript/typescript-${process.platform}-${process.arch}/package.json`);
const compiler = join(dirname(compilerPackage), "lib", "tsc");

/** Compiles `code` under the layer's own settings, as a file that stands beside its sources. */
function compile(layer: string, code: string): string {
  const folder = join(root, "dist", "tidy-probe", layer);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "probe.ts"), `${code}\nexport {};\n`);
  const extended = join(root, "src", layer, "tsconfig.json");
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: extended,
      compilerOptions: { composite: false, declaration: true, noEmit: true, rootDir: "." },
      include: [],
      files: ["probe.ts"],
    }),
  );
  try {
    const { error, stdout } = spawnSync(compiler, ["-p", folder], { encoding: "utf8" });
    if (error !== undefined) throw error;
    return stdout;
  } finally {
    rmSync(dirname(folder), { recursive: true });
  }
}

t.test("the compiler knows none of Node's globals in the pure layers", async (t) => {
  const globals = [
    "performance",
    "fetch",
    "setTimeout",
    "setInterval",
    "queueMicrotask",
    "process",
    "console",
    "Buffer",
    "crypto",
    "require",
  ];
  for (const layer of pureLayers) {
    t.equal(compile(layer, "const one: number = 1; one.toFixed();"), "", `${layer} compiles what is pure`);
    const errors = compile(layer, globals.map((name) => `void ${name};`).join("\n"));
    for (const name of globals) t.match(errors, `Cannot find name '${name}'`, `${layer}: ${name}`);
    t.match(compile(layer, 'import "node:fs"; import { readFileSync } from "fs"; readFileSync("x");'), "Cannot find", `${layer}: fs`);
  }
});
