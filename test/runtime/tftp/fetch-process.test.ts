/** How a process ends that has fetched by TFTP, or is fetching: no thread keeps it alive, none brings it down, and a bug of ours does. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";
import { fetchEngines } from "../../support/tftp-engines.js";

t.setTimeout(120_000);
const program = fileURLToPath(new URL("../../support/fetch-process.js", import.meta.url));

function run(
  engine: string,
  how: string,
): Promise<{ readonly code: number | null; readonly signal: string | null; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, [program, engine, how], { stdio: ["ignore", "pipe", "pipe"], timeout: 30_000 });
  let out = "";
  let err = "";
  child.stdout.on("data", (bytes) => {
    out += bytes;
  });
  child.stderr.on("data", (bytes) => {
    err += bytes;
  });
  return new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, out, err })));
}

for (const { engine, skip } of fetchEngines) {
  t.test(`${engine} client`, { skip }, async (t) => {
    t.match(await run(engine, "ends"), { code: 0, signal: null, out: "complete\n", err: "" }, "ends when nothing is left to do");
    t.match(await run(engine, "exits"), { code: 0, signal: null, out: "", err: "" }, "exits in the midst of a fetch");
    // Node 20 aborts in its own socket code when a thread is ended that is receiving.
    if (engine === "auto")
      t.match(await run(engine, "worker"), { code: 0, signal: null, out: "", err: "" }, "ends a thread in the midst of a fetch");
    const fatal = await run(engine, "fatal");
    t.match({ code: fatal.code, out: fatal.out }, { code: 1, out: "" });
    t.match(fatal.err, /Error: a bug of ours/, "a bug of ours ends it");
  });
}
