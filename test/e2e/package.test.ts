/** The package as a user gets it: packed, installed on a Node without a C compiler and without npm's install scripts, and used. */
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ssh2 from "ssh2";
import t from "tap";
import { temporaryFolder } from "../support/folder.js";

t.setTimeout(300_000);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
/** npm's own settings (registry, certificates, proxy), without tap's loaders. */
const npmEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(?:PATH|HOME|NODE_EXTRA_CA_CERTS|npm_config_.*|https?_proxy|no_proxy)$/i.test(name)),
);
const registry = spawnSync("npm", ["ping"], { env: npmEnv, timeout: 20_000 }).status === 0;

const succeeded = (what: string, { status, stdout, stderr, error }: SpawnSyncReturns<string>): string => {
  if (error !== undefined || status !== 0) throw new Error(`${what} failed: ${error?.message ?? `${stdout}${stderr}`}`);
  return stdout;
};

/** A folder of programs for PATH: what npm and a shebang need, and no C compiler. */
function barePath(folder: string): string {
  const path = join(folder, "path");
  mkdirSync(path);
  symlinkSync(process.execPath, join(path, "node"));
  for (const program of ["sh", "env"]) symlinkSync(`/bin/${program}`, join(path, program));
  return path;
}

t.test("npm pack, then npm install -g", { skip: registry ? false : "npm's registry cannot be reached" }, async (t) => {
  const folder = temporaryFolder(t);
  const packed = succeeded(
    "npm pack",
    spawnSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], { cwd: root, env: npmEnv, encoding: "utf8" }),
  );
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  t.same(
    paths.filter((path) => /\.(?:map|node|tsbuildinfo|ts)$/.test(path)),
    [],
    "nothing is compiled for this machine, and no map lacks its source",
  );
  for (const path of ["bin/flexup.js", "dist/web/index.html", "native/build.js", "README.md", "LICENSE", "CHANGELOG.md"])
    t.ok(paths.includes(path), path);

  const path = barePath(folder);
  const env = { ...npmEnv, PATH: path, HOME: folder };
  const npm = join(succeeded("npm root", spawnSync("npm", ["root", "-g"], { env: npmEnv, encoding: "utf8" })).trim(), "npm/bin/npm-cli.js");
  const install = ["install", "-g", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", join(folder, filename)];
  succeeded("npm install", spawnSync(join(path, "node"), [npm, ...install], { env, encoding: "utf8" }));

  const program = join(folder, "bin", "flexup");
  const flexup = (...args: string[]): string => succeeded(`flexup ${args[0]}`, spawnSync(program, args, { env, encoding: "utf8" }));
  t.equal(flexup("--version").trim(), version);

  await t.test("a controller with its page, commands and SSH", async (t) => {
    const doors = ["--listen", "127.51.1.1:0", "--admin", "127.51.1.1:0", "--ssh", "127.51.1.1:0"];
    const controller = spawn(program, ["controller", "--data", join(folder, "wlc"), ...doors, "--lab"], {
      env: { ...env, FLEXUP_ADMIN_PASSWORD: "correct horse battery" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.teardown(() => controller.kill("SIGKILL"));
    const ready = await lineOf(controller.stdout, "ready");
    const admin = String(ready["admin"]);

    const page = await (await fetch(`${admin}/`)).text();
    t.match(page, /<script[^>]*src="\.?\/?main\.js"/);
    const script = await fetch(`${admin}/main.js`);
    t.equal(script.status, 200);
    t.ok((await script.text()).length > 50_000, "the page's program is there");
    t.equal((await fetch(`${admin}/api/docs/`)).status, 200);

    t.match(flexup("show", "boot", "--admin", admin), /Primary Boot Image/);
    t.match(await overSsh(String(ready["ssh"]), "show boot"), /Primary Boot Image/);

    controller.kill("SIGTERM");
    t.same(await once(controller, "exit"), [0, null]);
  });

  await t.test("TFTP on the plain path, and the add-ons where there is a compiler", async (t) => {
    const served = join(folder, "served");
    mkdirSync(served);
    writeFileSync(join(served, "image.bin"), Buffer.alloc(300_000, "flexup"));
    const server = spawn(program, ["tftp", "serve", served, "--listen", "127.51.1.2:0"], { env, stdio: ["ignore", "pipe", "inherit"] });
    t.teardown(() => server.kill("SIGKILL"));
    const [, address] = /serving 1 files? at (\S+) /.exec(await textOf(server.stdout, /serving .* at \S+ /)) ?? [];
    const got = join(folder, "got.bin");
    flexup("tftp", "get", `tftp://${address}/image.bin`, "-o", got);
    t.ok(readFileSync(got).equals(readFileSync(join(served, "image.bin"))));

    const build = join(folder, "lib", "node_modules", "flexup", "native", "build.js");
    const bare = succeeded("native/build.js", spawnSync(join(path, "node"), [build], { env, encoding: "utf8" }));
    if (process.platform === "linux") t.match(bare, "no C compiler", "without a compiler it says so and installs all the same");
  });
});

/** The first log line of `event`. */
async function lineOf(stream: NodeJS.ReadableStream, event: string): Promise<Record<string, unknown>> {
  const text = await textOf(stream, new RegExp(`"event":"${event}".*\n`));
  return JSON.parse(text.split("\n").find((line) => line.includes(`"event":"${event}"`)) as string) as Record<string, unknown>;
}

/** What came until `pattern` matched. */
function textOf(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk) => {
      text += chunk;
      if (pattern.test(text)) resolve(text);
    });
    stream.on("end", () => reject(new Error(`it ended after: ${text}`)));
  });
}

function overSsh(address: string, command: string): Promise<string> {
  const [host, port] = address.split(":") as [string, string];
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on("error", reject);
    client.on("ready", () => {
      client.exec(command, (error, channel) => {
        if (error !== undefined) return reject(error);
        let text = "";
        channel.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        channel.on("close", () => {
          client.end();
          resolve(text);
        });
      });
    });
    client.connect({ host, port: Number(port), username: "admin", password: "correct horse battery" });
  });
}
