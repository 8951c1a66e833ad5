/** `flexup pki` as processes, and daemons whose links use what it issued: a join, a renewed certificate, a revocation without a restart. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { loadDtls } from "../../src/runtime/dtls/addon.js";
import { Fleet, must, until } from "../support/fleet.js";
import { flexup } from "../support/flexup-process.js";
import { temporaryFolder } from "../support/folder.js";

const model = "AIR-AP2802I";
const plans = [1, 2].map((number) => ({ name: `ap-${number}`, mac: `02:00:00:00:c7:0${number}`, model }));
const [first, second] = plans as [(typeof plans)[0], (typeof plans)[0]];

const pki = (...args: string[]) => flexup(process.env, "pki", ...args);

/** Fails the test where the command does. */
async function done(t: Test, ...args: string[]): Promise<string> {
  const { code, out, err } = await pki(...args);
  t.equal(code, 0, err);
  return out;
}

t.test("the commands: what they print, and exit codes", async (t) => {
  const base = temporaryFolder(t);
  const at = (name: string): string => join(base, name);
  writeFileSync(at("passphrase"), "correct horse\n");
  const withPassphrase = ["--passphrase-file", at("passphrase")];
  t.match(
    await done(t, "init", at("ca"), ...withPassphrase),
    /^Authority in .*ca, valid until 20\d\d-\d\d-\d\d; keep .*authority.key offline\n$/,
  );
  t.equal(
    (await done(t, "issue", at("ca"), first.mac, "--out", at("ap"), ...withPassphrase)).replace(/\d{4}-\d\d-\d\d/, "DATE"),
    `${first.mac}, valid until DATE: --dtls-cert ${at("ap/certificate.pem")} --dtls-key ${at("ap/key.pem")} --dtls-ca ${at("ap/authority.pem")}\n`,
  );
  await done(t, "issue", at("ca"), "--controller", "branch office", "--out", at("ac"), ...withPassphrase);
  await done(t, "renew", at("ca"), first.mac, "--out", at("ap2"), "--days", "10", ...withPassphrase);
  t.match(
    await done(t, "revoke", at("ca"), first.mac, ...withPassphrase),
    /^Revoked 2 certificates of 02:00:00:00:c7:01: give every controller .*crl.pem/,
  );
  const listed = await done(t, "show", at("ca"));
  t.match(
    listed,
    /^Role +Name +Valid To +State +Serial\ncontroller branch office +\d{4}-\d\d-\d\d valid +[0-9a-f]{32}\n(AP +02:00:00:00:c7:01 .* revoked [0-9a-f]{32}\n){2}$/,
  );
  const refusals: readonly (readonly [code: number, says: RegExp, ...args: string[]])[] = [
    [1, /exists already and is never overwritten/, "init", at("ca")],
    [1, /is encrypted: give --passphrase-file/, "issue", at("ca"), second.mac, "--out", at("x")],
    [1, /has no valid certificate: "flexup pki issue"/, "renew", at("ca"), second.mac, "--out", at("x"), ...withPassphrase],
    [1, /is not a valid MAC address/, "issue", at("ca"), "ap-1", "--out", at("x"), ...withPassphrase],
    [1, /Expected the MAC address of an AP, or --controller NAME, and not both/, "issue", at("ca"), "--out", at("x")],
    [1, /holds no authority .*"flexup pki init/, "show", at("nowhere")],
    [2, /expected a whole number of days/, "issue", at("ca"), second.mac, "--out", at("x"), "--days", "0"],
    [2, /required option '--out <folder>' not specified/, "issue", at("ca"), second.mac],
  ];
  for (const [code, says, ...args] of refusals) {
    const refused = await pki(...args);
    t.equal(refused.code, code, args.join(" "));
    t.match(refused.err, says);
    t.equal(refused.err.trim().split("\n").length, 1, "one line");
  }
});

t.test(
  "daemons by certificate: renewed and revoked without a restart",
  { skip: loadDtls() === undefined && "the DTLS add-on is not built here" },
  async (t) => {
    const base = temporaryFolder(t);
    const ca = join(base, "ca");
    const out = (name: string): string => join(base, name);
    const files = (name: string): string[] => [
      ...[
        "--dtls-cert",
        join(out(name), "certificate.pem"),
        "--dtls-key",
        join(out(name), "key.pem"),
        "--dtls-ca",
        join(out(name), "authority.pem"),
      ],
    ];
    await done(t, "init", ca);
    await done(t, "issue", ca, "--controller", "ac", "--out", out("ac"));
    for (const { mac, name } of plans) await done(t, "issue", ca, mac, "--out", out(name));
    const fleet = await Fleet.start(t, [...files("ac"), "--dtls-crl", join(ca, "crl.pem")]);
    for (const plan of plans) await fleet.join([plan], ...files(plan.name));
    t.match((await fleet.flexup("show", "ap", "security")).stdout, new RegExp(`${first.mac} +Joined +dtls-cert`));

    const read = ({ event }: { readonly event?: unknown }) => (event === "certificates-read" ? true : undefined);
    await done(t, "renew", ca, first.mac, "--out", out("renewed"));
    for (const file of ["key.pem", "certificate.pem"]) renameSync(join(out("renewed"), file), join(out(first.name), file));
    await fleet.aps.get(first.name)?.line(read);
    t.pass("the AP read its renewed certificate");

    await done(t, "revoke", ca, second.mac);
    const noted = await fleet.controller.line((line) => (line["event"] === "certificates-read" ? line : undefined));
    t.same(noted["linksEnded"], [second.mac]);
    await fleet.aps.get(second.name)?.line(({ event }) => (event === "link-down" ? true : undefined));
    await fleet.controller.line(({ event, reason }) => (event === "link-refused" && reason === "certificate" ? true : undefined));
    await until("only the revoked AP is away", async () => {
      const states = new Map(must(await fleet.admin.order({ type: "show-ap-summary" })).map(({ name, state }) => [name, state]));
      return states.get(first.name) === "Joined" && states.get(second.name) === "Not Joined" ? true : undefined;
    });
  },
);
