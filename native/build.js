/**
 * Compiles the native add-ons on the machine that will run them. npm runs it when the package is installed, with `--unless-prebuilt`: then
 * only what no prebuilt package provides. Nothing fails: without a compiler, without npm's install scripts or anywhere but on Linux,
 * flexup uses its plain paths. DTLS alone has none.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addons, compile } from "./addons.js";
import { prebuiltPackages } from "./targets.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "dist", "native");
/** What flexup does without an add-on; the others have a plain path. */
const without = { dtls: "daemons need --dtls off" };
const unlessPrebuilt = process.argv.includes("--unless-prebuilt");

for (const name of Object.keys(addons)) {
  if (unlessPrebuilt && isPrebuilt(name)) continue;
  const obstacle =
    process.platform === "linux"
      ? await compile(name, folder, process.env.CC ?? "cc").catch((error) => error.message)
      : `${process.platform} is not Linux`;
  if (obstacle !== undefined) console.log(`native ${name} not built (${obstacle}); ${without[name] ?? "the plain path will be used"}`);
}

function isPrebuilt(name) {
  const require = createRequire(import.meta.url);
  return prebuiltPackages(process.platform, process.arch).some((pack) => {
    try {
      require(`${pack}/${name}.node`);
      return true;
    } catch {
      return false;
    }
  });
}
