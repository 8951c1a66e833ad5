import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { failure, success } from "../../src/base/failure.js";
import { runOneShot } from "../../src/cli/one-shot.js";
import type { NewImage } from "../../src/core/controller/operator/new-image.js";
import type { Order } from "../../src/core/controller/operator/orders.js";
import { serving } from "../support/admin.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";
import { temporaryFolder } from "../support/folder.js";

const fixture = (name: string): string => join(dirname(fileURLToPath(import.meta.url)), "../../../fixtures/cli", name);

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runOneShot(args, {
    stdout: {
      write: (text) => {
        out += text;
      },
    },
    stderr: {
      write: (text) => {
        err += text;
      },
    },
    env,
  });
  return { code, out, err };
}

t.test("a command reaches the daemon that FLEXUP_ADMIN or --admin names", async (t) => {
  const operator = new FakeOperatorPort();
  operator.answer = () => success({ primary: "8.10.183.0", backup: "8.8.125.0" });
  const { url } = await serving(t, { operator });
  const text =
    "Primary Boot Image............................... 8.10.183.0 (default) (active)\nBackup Boot Image................................ 8.8.125.0\n";
  t.same(await run(["show", "boot"], { FLEXUP_ADMIN: url.href }), { code: 0, out: text, err: "" });
  t.same(await run(["show", "boot", "--admin", url.href], { FLEXUP_ADMIN: "http://127.50.0.9:1" }), { code: 0, out: text, err: "" });
  t.same(await run([`--admin=${url.href}`, "show", "boot", "--json"]), {
    code: 0,
    out: '{\n  "primary": "8.10.183.0",\n  "backup": "8.8.125.0"\n}\n',
    err: "",
  });
});

t.test("a name with blanks stays one name", async (t) => {
  const operator = new FakeOperatorPort();
  const { url } = await serving(t, { operator });
  t.same(await run(["config", "flexconnect", "group", "Branch 12", "add", "--admin", url.href]), { code: 0, out: "", err: "" });
  t.same(operator.orders, [{ type: "group-add", group: "Branch 12" }]);
});

t.test("a wrong command is one line on stderr and exit code 2, and reaches nobody", async (t) => {
  t.same(await run(["show", "ap", "imag"]), {
    code: 2,
    out: "",
    err: 'Unexpected "imag" after "show ap": expected image, predownload, summary, status, security or credential\n',
  });
  t.same(await run(["show", "boot", "--admin"]), {
    code: 2,
    out: "",
    err: "Option --admin has no value: expected a URL such as http://127.0.0.1:8080\n",
  });
  t.same(await run(["show", "boot", "--admin", "localhost"]), {
    code: 2,
    out: "",
    err: 'Unexpected "localhost" for --admin: expected a URL such as http://127.0.0.1:8080\n',
  });
});

t.test("a refusal is one line on stderr and exit code 1", async (t) => {
  const operator = new FakeOperatorPort();
  operator.answer = () => failure("unknown-group", 'There is no FlexConnect group "G".');
  const { url } = await serving(t, { operator });
  const args = ["show", "flexconnect", "group", "G", "--admin", url.href];
  t.same(await run(args), { code: 1, out: "", err: 'There is no FlexConnect group "G".\n' });
  t.same(await run([...args, "--json"]), {
    code: 1,
    out: "",
    err: '{"code":"unknown-group","message":"There is no FlexConnect group \\"G\\"."}\n',
  });
});

t.test("nobody there is one line and exit code 1", async (t) => {
  t.same(await run(["show", "boot", "--admin", "http://127.50.0.9:50998"]), {
    code: 1,
    out: "",
    err: 'No controller answers at http://127.50.0.9:50998 (connect ECONNREFUSED 127.50.0.9:50998); start one with "flexup controller" or name another with --admin\n',
  });
});

t.test("an act that some APs refused is shown whole and exits with 1", async (t) => {
  const operator = new FakeOperatorPort();
  operator.answer = () =>
    success({
      done: ["AP1", "AP2"],
      boots: [
        { ap: "AP1", version: "9.0" },
        { ap: "AP2", version: "9.0" },
      ],
      refused: [{ ap: "AP3", code: "backup-empty", message: "its backup image is empty" }],
      pending: ["AP4"],
    });
  const { url } = await serving(t, { operator });
  t.same(await run(["config", "ap", "image", "swap", "all", "--admin", url.href]), {
    code: 1,
    out: "Swapped: AP1, AP2\nBoots 9.0 next: AP1, AP2\nNo answer yet: AP4\nRefused by AP3: its backup image is empty\n",
    err: "",
  });
});

t.test("image add says what the image became", async (t) => {
  const operator = new FakeOperatorPort();
  const replaced = [{ id: "2", version: "8.4.1.0", models: ["AIR-AP2802I"], removed: true }];
  const suggested = [{ model: "AIR-AP3802I", apCount: 2 }];
  operator.answer = (order: Order) =>
    success({ id: "1", ...(order as { image: NewImage }).image, families: ["ap3g3"], addedAt: 5, replaced, suggested });
  const { url } = await serving(t, { operator });
  const file = join(temporaryFolder(t), "a.tar");
  writeFileSync(file, "image");
  const args = ["image", "add", file, "--version", "8.5.161.0", "--models", "AIR-AP2802I", "--release", "primary", "--admin", url.href];
  t.same(await run(args), {
    code: 0,
    out:
      "Image 1: 8.5.161.0 for AIR-AP2802I in the primary release, 5 bytes, SHA-256 6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d\n" +
      "Replaces image 2 (8.4.1.0) for AIR-AP2802I; removed\n" +
      "Without an image in the primary release: AIR-AP3802I (2 APs); these usually run the same image; add it for them if so\n",
    err: "",
  });
  t.same(await run(["image", "add", `${file}x`, ...args.slice(3)]), { code: 1, out: "", err: `There is no file ${file}x\n` });
});

t.test("what config export writes, config import gives back as it was; a mistake or a refusal is one line", async (t) => {
  const listed = { version: "9.0", models: ["AIR-AP2802I"], fileName: "a.img", sizeBytes: 5, sha256: "0".repeat(64) };
  const releases = { primary: [listed], backup: [] };
  const operator = new FakeOperatorPort();
  const { url } = await serving(t, { operator });
  const file = join(temporaryFolder(t), "config.yaml");
  const imported = () => run(["config", "import", file, "--admin", url.href]);
  operator.answer = () => success({ releases, groups: [] });
  const exported = await run(["config", "export", "--admin", url.href]);
  t.equal(exported.out, readFileSync(fixture("config-export.yaml"), "utf8"));
  writeFileSync(file, exported.out);
  operator.answer = () => success({ changes: ["+ image primary-000000000000"] });
  t.same(await imported(), { code: 0, out: "+ image primary-000000000000\n", err: "" });
  t.same(operator.orders.at(-1), { type: "config-replace", releases, groups: [], check: false });
  operator.answer = () => failure("image-missing", "The controller lacks image 9.0");
  t.same(await imported(), { code: 1, out: "", err: "The controller lacks image 9.0\n" });

  const before = operator.orders.length;
  writeFileSync(file, exported.out.replace("sizeBytes: 5", "sizeBytes: five"));
  t.match(await imported(), { code: 1, out: "", err: /config\.yaml, releases\.primary\.0\.sizeBytes: .*\n$/ });
  t.equal(operator.orders.length, before);
  operator.answer = () => success({ changes: [] });
  writeFileSync(file, "groups: []\n");
  t.same(await imported(), { code: 0, out: "Nothing differs\n", err: "" });
  t.same(operator.orders.at(-1), { type: "config-replace", groups: [], check: false }, "a file without releases leaves them");
});

t.test("--help lists what begins so, with what it does", async (t) => {
  t.same(await run(["image", "--help"]), {
    code: 0,
    out: [
      "image add <file> --version <version> --models <models> --release <release> [--bundle <bundle>]\n",
      "                  add an image file to a release\n",
      "image ls          all images of both releases\n",
      "image parity      whether the peer controller holds the same images\n",
      "image rm <image>  remove an image from a release\n",
    ].join(""),
    err: "",
  });
});
