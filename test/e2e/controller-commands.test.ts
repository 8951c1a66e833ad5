/** `flexup controller` and operator commands as separate processes: exit codes, one line a refusal, what survives kill -9. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import t from "tap";
import { DaemonProcess } from "../../src/daemon/process.js";
import { type ControllerReady, controllerReady } from "../../src/daemon/ready.js";
import { flexup } from "../support/flexup-process.js";
import { temporaryFolder } from "../support/folder.js";

const host = "127.50.9.1";
/** Most of the time these wait for processes of their own. */
t.jobs = 2;

async function controller(t: Pick<Test, "teardown">, env: NodeJS.ProcessEnv, data: string, ...more: string[]) {
  const daemon = new DaemonProcess(["controller", "--data", data, "--listen", `${host}:0`, "--admin", `${host}:0`, ...more], env);
  t.teardown(() => daemon.kill());
  const ready: ControllerReady = await daemon.line(controllerReady);
  return { daemon, command: (...args: string[]) => flexup({ ...env, FLEXUP_ADMIN: ready.admin }, ...args) };
}

t.test("what the operator set survives kill -9, and SIGTERM is an orderly end", async (t) => {
  const folder = temporaryFolder(t);
  const env = { ...process.env, XDG_STATE_HOME: join(folder, "state") };
  const data = join(folder, "wlc");
  const first = await controller(t, env, data, "--lab");
  const image = join(folder, "ap3g3.tar");
  writeFileSync(image, "image");
  t.same(await first.command("config", "flexconnect", "group", "Branch 12", "add"), { code: 0, out: "", err: "" });
  t.match(await first.command("image", "add", image, "--version", "8.10.1.0", "--models", "AIR-AP2802I", "--release", "primary"), {
    code: 0,
    err: "",
  });
  await first.daemon.kill();

  const second = await controller(t, env, data, "--lab");
  t.match(await second.command("show", "flexconnect", "group", "summary"), { code: 0, out: /^Branch 12 {25}0$/m, err: "" });
  t.match(await second.command("show", "boot"), { code: 0, out: /^Primary Boot Image\.+ 8\.10\.1\.0 /, err: "" });
  t.same(await second.command("show", "flexconnect", "group", "None"), {
    code: 1,
    out: "",
    err: 'There is no FlexConnect group "None"; "show flexconnect group summary" lists them.\n',
  });
  t.same(await second.command("show", "bot"), {
    code: 2,
    out: "",
    err: 'Unexpected "bot" after "show": expected ap, flexconnect, sysinfo or boot\n',
  });

  const exported = await second.command("config", "export");
  const file = join(folder, "groups.yaml");
  writeFileSync(file, exported.out);
  t.match(await second.command("config", "flexconnect", "group", "Branch 12", "delete"), { code: 0 });
  t.match(await second.command("config", "import", file), { code: 0, out: /^\+ group Branch 12$/m });
  t.same(await second.command("config", "import", file), { code: 0, out: "Nothing differs\n", err: "" });
  t.equal((await second.command("config", "export")).out, exported.out);

  t.match(await flexup(env, "controller", "--data", data, "--listen", `${host}:0`), {
    code: 1,
    err: `${data} is in use by another flexup controller; stop it or choose another --data folder\n`,
  });
  t.equal(await second.daemon.stop(), 0);
});

t.test("without --lab, the account's own commands need no login and others do", async (t) => {
  const folder = temporaryFolder(t);
  const env = { ...process.env, XDG_STATE_HOME: join(folder, "state"), FLEXUP_ADMIN_PASSWORD: "given password" };
  const { command, daemon } = await controller(t, env, join(folder, "wlc"));
  t.match(await command("show", "boot"), { code: 0, err: "" });
  const { admin } = await daemon.line(controllerReady);
  t.match(await flexup({ ...process.env, XDG_STATE_HOME: join(folder, "elsewhere"), FLEXUP_ADMIN: admin }, "show", "boot"), {
    code: 1,
    out: "",
    err: /^Log in first: [^\n]+\n$/,
  });
  t.equal(daemon.stderr, "", "a password that was given is not shown");
  t.equal(await daemon.stop(), 0);
  t.throws(() => readFileSync(join(folder, "state", "flexup", `admin-${new URL(admin).port}.token`)), { code: "ENOENT" });
});

t.test("a wrong start is one line and its exit code", async (t) => {
  const file = join(temporaryFolder(t), "file");
  writeFileSync(file, "");
  t.same(await flexup(process.env, "controller"), { code: 2, out: "", err: "--data: expected the controller's data folder\n" });
  t.match(await flexup(process.env, "controller", "--data", join(file, "x"), "--admin", `${host}:0`), {
    code: 1,
    out: "",
    err: /^\S+ cannot be used as data folder: ENOTDIR[^\n]+\n$/,
  });
  t.match(await flexup(process.env, "contoller"), {
    code: 2,
    out: "",
    err: /^unknown command 'contoller': expected controller, [^\n]+\n$/,
  });
  t.match(await flexup(process.env, "controller", "--colour"), { code: 2, out: "", err: /^unknown option '--colour': [^\n]+\n$/ });
});
