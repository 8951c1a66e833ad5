/** The packages of a release: made here, installed without a C compiler and without npm's install scripts, and DTLS is there. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import t from "tap";
import { addonPlaces, loadAddon } from "../../src/runtime/native-addon.js";
import { temporaryFolder } from "../support/folder.js";

t.setTimeout(300_000);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(?:PATH|HOME|NODE_EXTRA_CA_CERTS|npm_config_.*|https?_proxy|no_proxy)$/i.test(name)),
);
const run = (cwd: string, program: string, ...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
};

interface Target {
  readonly arch: string;
  readonly libc: string;
  readonly compiler: string;
}
const { targets, packageOf, folderOf } = (await import(pathToFileURL(join(root, "native", "targets.js")).href)) as {
  readonly targets: readonly Target[];
  readonly packageOf: (target: Target) => string;
  readonly folderOf: (target: Target) => string;
};

t.test("each target has a package of its own for its platform, and the loader looks into it", async (t) => {
  for (const target of targets) {
    const { arch, libc } = target;
    const manifest = JSON.parse(readFileSync(join(root, "native", "prebuilt", folderOf(target), "package.json"), "utf8"));
    t.match(manifest, { name: packageOf(target), os: ["linux"], cpu: [arch], libc: [libc] });
    t.ok(addonPlaces("dtls", arch).includes(`${packageOf(target)}/dtls.node`));
  }
});

const here = targets.find(({ arch, libc }) => arch === process.arch && libc === "glibc");
const skip =
  (loadAddon("dtls") === undefined && "the add-ons are not built here") ||
  (here === undefined && "no release for this machine") ||
  (spawnSync(here?.compiler ?? "", ["--version"]).error !== undefined && `no ${here?.compiler} here`) ||
  (spawnSync("npm", ["ping"], { env, timeout: 20_000 }).status !== 0 && "npm's registry cannot be reached");

t.test("a release brings the add-ons that this machine can compile", { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const out = join(folder, "out");
  const report = run(root, process.execPath, "native/release.js", out);
  t.match(report, `${folderOf(here as Target)}: built`);
  const packed = readdirSync(out);
  const ours = packed.filter((name) => name.startsWith(packageOf(here as Target)) || /^flexup-\d/.test(name));
  t.equal(ours.length, 2, packed.join(" "));
  writeFileSync(join(folder, "package.json"), '{ "name": "somebody", "private": true, "type": "module" }');
  run(folder, "npm", "install", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", ...ours.map((name) => join(out, name)));
  const script = `
    import { loadAddon } from "./node_modules/flexup/dist/src/runtime/native-addon.js";
    for (const name of ["dtls", "tftp-sender", "tftp-receiver", "socket-options", "udp-listener"])
      console.log(name, typeof loadAddon(name));
  `;
  writeFileSync(join(folder, "load.js"), script);
  t.same(run(folder, process.execPath, "load.js").trim().split("\n"), [
    "dtls object",
    "tftp-sender object",
    "tftp-receiver object",
    "socket-options object",
    "udp-listener object",
  ]);
  run(folder, process.execPath, "node_modules/flexup/native/build.js", "--unless-prebuilt");
  t.notOk(readdirSync(join(folder, "node_modules", "flexup", "dist")).includes("native"), "nothing is compiled where a prebuilt one is");
  t.not(spawnSync(process.execPath, ["native/release.js", out], { cwd: root, env }).status, 0, "a folder that is there is left alone");
});
