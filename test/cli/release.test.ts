/** `flexup release`: what it prints, and what it refuses in one line. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import * as acts from "../../src/cli/release/release-acts.js";
import { vendorNowMs } from "../support/vendor.js";

function ceremony(t: Test) {
  const folder = t.testdir({ "ap3g3.img": "x".repeat(1_100_000), "other.img": "y" });
  const at = (name: string) => join(folder, name);
  let printed = "";
  const io = { write: (text: string) => (printed += text), passphrase: undefined, now: () => vendorNowMs };
  const says = async (act: Promise<{ readonly ok: true } | { readonly ok: false; readonly failure: { readonly message: string } }>) => {
    const result = await act;
    const said = result.ok ? printed : `refused: ${result.failure.message}`;
    printed = "";
    return said.replaceAll(folder, "DIR");
  };
  return { at, io, says };
}

const models = { version: "8.5.182.0", models: "AIR-AP2802I,3700", days: 365 };

t.test("from the first key to a verified image", async (t) => {
  const { at, io, says } = ceremony(t);
  const made = await says(acts.init(at("vendor"), { keys: 3, threshold: 2 }, io));
  t.match(made, "Made DIR/vendor/root.json, version 1: 2 of 3 root keys must sign the next one.");
  t.match(made, "The keys are not encrypted: whoever reads these files can sign.");
  const signed = await says(acts.sign(at("vendor"), at("ap3g3.img"), { ...models, securityVersion: 3, out: at("a.bundle") }, io));
  t.match(signed, "  version 8.5.182.0 for ap3g3, c3700, security version 3\n  1100000 bytes in 2 chunks, SHA-256 ");
  t.match(signed, "Next: flexup image add DIR/ap3g3.img --bundle DIR/a.bundle --version 8.5.182.0 --models AIR-AP2802I,3700 ");
  const root = at("vendor/root.json");
  t.match(await says(acts.verify(at("a.bundle"), at("ap3g3.img"), root, io)), "DIR/ap3g3.img: matches\n");
  t.match(
    await says(acts.verify(at("a.bundle"), at("other.img"), root, io)),
    "refused: DIR/other.img is not accepted: the bundle signs no ",
  );
  t.match(await says(acts.show(at("a.bundle"), io)), "Release 1, signed 2030-01-01 (0 days ago), valid until 2031-01-01");
  const late = { ...io, now: () => vendorNowMs + 366 * 86_400_000 };
  t.match(await says(acts.verify(at("a.bundle"), undefined, root, late)), "refused: DIR/a.bundle is not accepted: it has expired");
});

t.test("a key that leaked", async (t) => {
  const { at, io, says } = ceremony(t);
  await says(acts.init(at("vendor"), { keys: 3, threshold: 2 }, io));
  await says(acts.sign(at("vendor"), at("ap3g3.img"), { ...models, out: at("a.bundle") }, io));
  t.match(
    await says(acts.rotate(at("vendor"), { role: "release" }, io)),
    "Made DIR/vendor/keys/release-2.pem and DIR/vendor/root.json, version 2.",
  );
  t.match(
    await says(acts.verify(at("a.bundle"), undefined, at("vendor/root.json"), io)),
    "refused: DIR/a.bundle is not accepted: targets was signed by 0/1 keys, by root version 2",
  );
  t.ok(existsSync(at("vendor/roots/1.root.json")), "the former root is kept");
  t.match(await says(acts.show(at("vendor/root.json"), io)), /^Root version 2, .*\n {2}root: 2 of /);
});

t.test("refusals", async (t) => {
  const { at, io, says } = ceremony(t);
  t.match(await says(acts.init(at("vendor"), { keys: 2, threshold: 3 }, io)), "refused: --threshold 3 is more than --keys 2");
  t.match(await says(acts.sign(at("vendor"), at("ap3g3.img"), { ...models, out: at("a") }, io)), /^refused: DIR\/vendor holds no root: /);
  await says(acts.init(at("vendor"), { keys: 1, threshold: 1 }, io));
  const sign = (change: object) => says(acts.sign(at("vendor"), at("ap3g3.img"), { ...models, out: at("a"), ...change }, io));
  t.match(await sign({ models: " , " }), "refused: --models needs one model or more");
  t.match(await sign({ version: "8 5" }), "refused: --version must be 1 to 64 printable characters without blanks");
  t.match(await sign({ passphraseFile: at("none") }), /^refused: DIR\/none cannot be read/);
  t.match(
    await says(acts.rotate(at("vendor"), { role: "boss" }, io)),
    'refused: --role: "boss" is not a role: expected root, release, freshness',
  );
  writeFileSync(at("junk"), "{}");
  t.match(await says(acts.show(at("junk"), io)), "refused: DIR/junk is not accepted: the bundle's format is not flexup-bundle-1");
  t.match(
    await says(acts.verify(at("junk"), undefined, at("junk"), io)),
    "refused: DIR/junk is not understood: root: signed is not defined",
  );
});
