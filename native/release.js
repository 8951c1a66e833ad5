/**
 * `npm run release -- OUT`: compiles the add-ons for every target and packs what is published, flexup and one package for each target, into a
 * new folder. flexup's copy names the others as optional dependencies of its own version, so that npm installs the one that fits.
 *
 * The repository's package.json cannot name them: they do not exist before their release, and as workspaces npm refuses those that are
 * for another platform (EBADPLATFORM).
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { prebuild } from "./prebuild.js";
import { folderOf, packageOf } from "./targets.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [out] = process.argv.slice(2);
if (out === undefined || existsSync(out)) {
  console.error("expected the name of a new folder for the packages");
  process.exit(2);
}

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const built = await prebuild();
const destination = resolve(out);
mkdirSync(destination, { recursive: true });
const staging = mkdtempSync(join(tmpdir(), "flexup-release-"));
try {
  for (const target of built) stage(join(root, "native", "prebuilt", folderOf(target)), (manifest) => ({ ...manifest, version }));
  const optionalDependencies = Object.fromEntries(built.map((target) => [packageOf(target), version]));
  stage(root, (manifest) => ({ ...manifest, optionalDependencies }));
} finally {
  rmSync(staging, { recursive: true, force: true });
}

/** Packs a folder as npm does, with another manifest. */
function stage(folder, manifestOf) {
  const [{ filename }] = JSON.parse(npm(folder, "pack", "--json", "--ignore-scripts", "--pack-destination", staging));
  const archive = join(staging, filename);
  execFileSync("tar", ["-xzf", archive, "-C", staging]);
  const unpacked = join(staging, "package");
  const manifest = join(unpacked, "package.json");
  writeFileSync(manifest, `${JSON.stringify(manifestOf(JSON.parse(readFileSync(manifest, "utf8"))), null, 2)}\n`);
  const [packed] = JSON.parse(npm(unpacked, "pack", "--json", "--ignore-scripts", "--pack-destination", destination));
  rmSync(unpacked, { recursive: true });
  console.log(`${packed.filename}: ${packed.files.length} files, ${packed.size} bytes`);
}

function npm(cwd, ...args) {
  return execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
