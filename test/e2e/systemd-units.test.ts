/** docs/systemd: units that systemd understands, hardened, with options that the commands have. */
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { temporaryFolder } from "../support/folder.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const systemd = spawnSync("systemd-analyze", ["--version"], { encoding: "utf8" });
const skip = systemd.error === undefined ? false : "systemd-analyze is not here";
/** 0 is best, 10 worst. */
const exposureMax = 2;

const units = [
  { file: "flexup-controller.service", instance: "flexup-controller.service", command: "controller" },
  { file: "flexup-ap@.service", instance: "flexup-ap@lobby.service", command: "ap" },
] as const;

for (const { file, instance, command } of units) {
  const source = join(root, "docs", "systemd", file);

  t.test(`${file}: systemd takes it, and it is hardened`, { skip }, async (t) => {
    const unit = join(temporaryFolder(t), instance);
    copyFileSync(source, unit);
    const verified = spawnSync("systemd-analyze", ["verify", "--man=no", unit], { encoding: "utf8" });
    t.same([verified.status, verified.stderr], [0, ""]);
    const judged = spawnSync("systemd-analyze", ["security", "--offline=true", unit], { encoding: "utf8" });
    const [, exposure] = /exposure level for \S+: ([\d.]+)/.exec(judged.stdout) ?? [];
    t.ok(Number(exposure) <= exposureMax, `exposure ${exposure}`);
  });

  t.test(`${file}: its options exist`, async (t) => {
    const [, words = ""] = /^ExecStart=\/usr\/bin\/env flexup (.*)$/m.exec(readFileSync(source, "utf8")) ?? [];
    t.match(words, new RegExp(`^${command} `));
    const { stdout } = spawnSync(process.execPath, [join(root, "bin", "flexup.js"), command, "--help"], { encoding: "utf8" });
    const options = words.match(/--[\w-]+/g) ?? [];
    t.ok(options.length > 0);
    for (const option of options) t.match(stdout, `${option} <`);
  });
}
