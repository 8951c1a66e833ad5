/** The authority of `flexup pki`: what it issues, what OpenSSL says of it, and that DTLS ends take it. */
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Result } from "../../../src/base/failure.js";
import type { CertificateCredential } from "../../../src/runtime/dtls/addon.js";
import { Authority, createAuthority, readIssued } from "../../../src/runtime/pki/authority.js";
import { apSubject, controllerSubject } from "../../../src/runtime/pki/certificate-subject.js";
import { apMac, DtlsWire, skipWithoutDtls } from "../../support/dtls-wire.js";
import { temporaryFolder } from "../../support/folder.js";
import { hasOpenssl } from "../../support/openssl-authority.js";

const day = 86_400_000;
const now = Date.now();
const ap = must(apSubject("000A.B800.0001"));
const controller = must(controllerSubject("controller.example"));

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.failure.code}: ${result.failure.message}`);
  return result.value;
}
const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.failure.code);

async function made(t: Test, passphrase?: string) {
  const base = temporaryFolder(t);
  const folder = join(base, "ca");
  must(await createAuthority(folder, { name: "test authority", days: 365, passphrase, now }));
  return { folder, out: (name: string) => join(base, name), authority: must(await Authority.open(folder, passphrase)) };
}

const read = (folder: string, name: string): string => readFileSync(join(folder, name), "utf8");
const credentialIn = (folder: string): CertificateCredential => ({
  certificate: read(folder, "certificate.pem"),
  privateKey: read(folder, "key.pem"),
  authority: read(folder, "authority.pem"),
});
const openssl = (...args: string[]): string => {
  const { stdout, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  return stdout + stderr;
};

t.test("an authority and its certificates: names, usages, dates, modes of the files", async (t) => {
  const { folder, out, authority } = await made(t);
  const issued = must(await authority.issue(ap, { days: 30, out: out("ap"), now }));
  t.match(issued, { commonName: apMac, role: "wtp", state: "valid" });
  const certificate = new X509Certificate(read(out("ap"), "certificate.pem"));
  t.equal(certificate.subject, `CN=${apMac}`);
  t.same(certificate.keyUsage, ["1.3.6.1.5.5.7.3.19"]);
  t.equal(certificate.ca, false);
  t.ok(certificate.verify(new X509Certificate(read(folder, "authority.pem")).publicKey));
  t.equal(Date.parse(certificate.validTo), Math.floor((now + 30 * day) / 1000) * 1000);
  t.ok(Date.parse(certificate.validFrom) < now, "valid for a clock that is a little behind");
  for (const key of [join(folder, "authority.key"), join(out("ap"), "key.pem")]) t.equal(statSync(key).mode & 0o777, 0o600, key);
  for (const each of [folder, out("ap")]) t.equal(statSync(each).mode & 0o777, 0o700, each);
  must(await authority.issue(controller, { days: 9_999, out: out("ac"), now }));
  const ofController = new X509Certificate(read(out("ac"), "certificate.pem"));
  t.same(ofController.keyUsage, ["1.3.6.1.5.5.7.3.18"]);
  t.equal(ofController.validTo, new X509Certificate(read(folder, "authority.pem")).validTo, "not longer than the authority");
  t.same(
    must(readIssued(folder, now)).map(({ role, commonName, state }) => [role, commonName, state]),
    [
      ["ac", "controller.example", "valid"],
      ["wtp", apMac, "valid"],
    ],
  );
});

t.test("OpenSSL verifies what was issued and refuses what was revoked", { skip: !hasOpenssl && "no openssl here" }, async (t) => {
  const { folder, out, authority } = await made(t);
  must(await authority.issue(ap, { days: 30, out: out("ap"), now }));
  must(await authority.issue(controller, { days: 30, out: out("ac"), now }));
  const verify = (name: string): string => {
    const lists = ["-CAfile", join(folder, "authority.pem"), "-CRLfile", join(folder, "crl.pem"), "-crl_check"];
    return openssl("verify", "-x509_strict", ...lists, join(out(name), "certificate.pem"));
  };
  t.match(verify("ap"), /certificate.pem: OK/);
  t.equal(must(await authority.revoke(ap, now)), 1);
  t.match(verify("ap"), /certificate revoked/);
  t.match(verify("ac"), /certificate.pem: OK/);
  must(await authority.issue(ap, { days: 30, out: out("ap again"), now }));
  t.match(verify("ap again"), /certificate.pem: OK/);
  must(await authority.revoke(ap, now));
  t.match(openssl("crl", "-in", join(folder, "crl.pem"), "-noout", "-crlnumber"), /0x0?3/);
  for (const name of ["ap", "ap again"]) t.match(verify(name), /certificate revoked/, "a list keeps what the one before named");
});

t.test("issue, renew and revoke each say where they do not apply", async (t) => {
  const { folder, out, authority } = await made(t);
  const options = (name: string) => ({ days: 30, out: out(name), now });
  t.equal(codeOf(await authority.renew(ap, options("a"))), "not-issued");
  t.equal(codeOf(await authority.revoke(ap, now)), "not-issued");
  must(await authority.issue(ap, options("a")));
  t.equal(codeOf(await authority.issue(ap, options("b"))), "already-issued");
  must(await authority.renew(ap, options("b")));
  t.not(read(out("a"), "key.pem"), read(out("b"), "key.pem"), "a renewed certificate has a key of its own");
  t.equal(must(await authority.revoke(ap, now)), 2, "both are revoked");
  must(await authority.issue(ap, options("c")));
  t.equal(codeOf(await authority.issue(ap, { ...options("d"), now: now + 31 * day })), "ok", "the one before has expired");
  t.same(
    must(readIssued(folder, now + 31 * day))
      .map(({ state }) => state)
      .sort(),
    ["expired", "revoked", "revoked", "valid"],
  );
});

t.test("an existing folder is never overwritten, and a refusal issues nothing", async (t) => {
  const { folder, out, authority } = await made(t);
  const before = read(folder, "authority.key");
  t.equal(codeOf(await createAuthority(folder, { name: "other", days: 1, passphrase: undefined, now })), "folder-exists");
  t.equal(read(folder, "authority.key"), before);
  mkdirSync(out("full"));
  writeFileSync(join(out("full"), "certificate.pem"), "of somebody");
  t.equal(codeOf(await authority.issue(ap, { days: 1, out: out("full"), now })), "folder-exists");
  t.equal(read(out("full"), "certificate.pem"), "of somebody");
  t.same(readdirSync(join(folder, "issued")), []);
  mkdirSync(out("empty"));
  t.equal(codeOf(await authority.issue(ap, { days: 1, out: out("empty"), now })), "ok", "an empty one may be there");
});

t.test("a passphrase encrypts the authority's key", async (t) => {
  const { folder } = await made(t, "correct horse");
  t.match(read(folder, "authority.key"), /ENCRYPTED/);
  t.equal(codeOf(await Authority.open(folder, undefined)), "authority-locked");
  t.equal(codeOf(await Authority.open(folder, "wrong")), "authority-locked");
  t.equal(codeOf(await Authority.open(folder, "correct horse")), "ok");
  t.equal(codeOf(readIssued(folder, now)), "ok", "listing needs no key");
});

t.test("a folder that holds no authority, or a damaged one, is named as such", async (t) => {
  const { folder } = await made(t);
  t.equal(codeOf(await Authority.open(join(folder, "none"), undefined)), "no-authority");
  writeFileSync(join(folder, "authority.key"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  t.equal(codeOf(await Authority.open(folder, undefined)), "authority-damaged");
  writeFileSync(join(folder, "crl.pem"), "nothing");
  t.equal(codeOf(readIssued(folder, now)), "authority-damaged");
});

t.test("names that no certificate can hold are refused", async (t) => {
  t.equal(codeOf(apSubject("branch ap")), "invalid-mac");
  for (const name of ["", "x".repeat(65), "tab\there"]) t.equal(codeOf(controllerSubject(name)), "invalid-controller-name");
  t.equal(must(controllerSubject("00-0A-B8-00-00-FE")).commonName, "00:0a:b8:00:00:fe");
});

t.test("DTLS ends establish a link by them; a revoked AP loses its link and gets no other", { skip: skipWithoutDtls }, async (t) => {
  const { folder, out, authority } = await made(t);
  must(await authority.issue(ap, { days: 30, out: out("ap"), now }));
  must(await authority.issue(controller, { days: 30, out: out("ac"), now }));
  const revoked = (): { revoked: string } => ({ revoked: read(folder, "crl.pem") });
  const wire = new DtlsWire({ ...credentialIn(out("ac")), ...revoked() });
  const client = wire.client(credentialIn(out("ap")));
  wire.open(client);
  t.same(wire.news(), [`server 192.0.2.1:5000 up ${apMac} certificate`, "client 192.0.2.1:5000 up ECDHE-ECDSA-AES128-GCM-SHA256"]);
  t.same(wire.server.renew({ ...credentialIn(out("ac")), ...revoked() }), [], "nobody was revoked");
  wire.say("still here", client);
  t.same(wire.news(), ["server 192.0.2.1:5000 heard still here"]);
  must(await authority.revoke(ap, Date.now()));
  t.same(wire.server.renew({ ...credentialIn(out("ac")), ...revoked() }), [apMac]);
  wire.settle();
  t.same(wire.news(), ["server 192.0.2.1:5000 down: its certificate no longer verifies", "client 192.0.2.1:5000 down: closed by the peer"]);
  t.equal(wire.server.associationCount, 0);
  wire.open(client);
  t.match(wire.news()[0], /^handshake certificate/);
});

t.test("an AP leaves a controller whose certificate was revoked", { skip: skipWithoutDtls }, async (t) => {
  const { folder, out, authority } = await made(t);
  must(await authority.issue(ap, { days: 30, out: out("ap"), now }));
  must(await authority.issue(controller, { days: 30, out: out("ac"), now }));
  const wire = new DtlsWire(credentialIn(out("ac")));
  const client = wire.client(credentialIn(out("ap")));
  wire.open(client);
  wire.news();
  must(await authority.revoke(controller, Date.now()));
  client.renew({ ...credentialIn(out("ap")), revoked: read(folder, "crl.pem") });
  wire.settle();
  t.same(wire.news(), [
    "client 192.0.2.1:5000 down: the controller's certificate no longer verifies",
    "server 192.0.2.1:5000 down: closed by the peer",
  ]);
  wire.open(client);
  t.match(wire.news()[0], /^client .* down: handshake: certificate/);
});
