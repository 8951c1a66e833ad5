/** Compiles the add-ons for every target whose compiler is on this machine, into native/prebuilt/TARGET. The binaries are not committed. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addons, compile } from "./addons.js";
import { folderOf, targets } from "./targets.js";

const here = dirname(fileURLToPath(import.meta.url));
/** Only debuggers need the symbol table. */
const stripped = ["-s"];

/** @returns the targets for which all add-ons were built; the others are reported on standard output */
export async function prebuild() {
  const built = [];
  for (const target of targets) {
    const obstacle = await obstacleTo(target);
    console.log(`${folderOf(target)}: ${obstacle ?? "built"}`);
    if (obstacle === undefined) built.push(target);
  }
  return built;
}

async function obstacleTo(target) {
  for (const addon of Object.keys(addons)) {
    const obstacle = await compile(addon, join(here, "prebuilt", folderOf(target)), target.compiler, stripped);
    if (obstacle !== undefined) return `not built: ${addon}: ${obstacle}`;
  }
  return undefined;
}
