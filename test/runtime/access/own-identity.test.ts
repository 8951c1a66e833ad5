/** The certificate and the SSH host keys that a data folder makes for itself and that people pin. */
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import selfsigned from "selfsigned";
import t from "tap";
import { ownTlsIdentity } from "../../../src/runtime/access/own-certificate.js";
import { sshHostKeys } from "../../../src/runtime/access/ssh-host-keys.js";
import { validityOf } from "../../../src/runtime/access/tls.js";
import { temporaryFolder } from "../../support/folder.js";

t.test("a certificate is made once, for its account alone, and kept", async (t) => {
  const folder = join(temporaryFolder(t), "tls");
  const made = ownTlsIdentity(folder);
  t.doesNotThrow(() => createSecureContext(made));
  t.equal(made.made, "first start");
  t.same(ownTlsIdentity(folder), { ...made, made: undefined });
  t.same(readdirSync(folder).sort(), ["cert.pem", "key.pem"]);
  t.equal(statSync(join(folder, "key.pem")).mode & 0o777, 0o600);
  t.ok(new X509Certificate(made.cert).validTo);
});

t.test("a certificate is renewed before it ends and when the clock was wrong, with the same key", async (t) => {
  const day = 86_400_000;
  const folder = join(temporaryFolder(t), "tls");
  const made = ownTlsIdentity(folder);
  const { validFrom, validTo } = validityOf(made);
  t.ok(validFrom < Date.parse("2001-01-01"), "a clock that is behind does not make it invalid");
  t.ok(validTo > Date.now() + 3640 * day);
  t.equal(ownTlsIdentity(folder, [], validTo - 31 * day).made, undefined);
  for (const [now, reason] of [
    [validTo - 29 * day, "expires soon"],
    [validTo + 400 * day, "expired"],
  ] as const) {
    const renewed = ownTlsIdentity(folder, [], now);
    t.equal(renewed.made, reason);
    t.equal(renewed.key, made.key);
    t.not(renewed.cert, made.cert);
    t.doesNotThrow(() => createSecureContext(renewed));
  }
});

t.test("a certificate of a first start with a clock that was ahead is made again; a clock before 2000 changes nothing", async (t) => {
  const folder = join(temporaryFolder(t), "tls");
  const { key } = ownTlsIdentity(folder);
  const year = 365 * 86_400_000;
  const notBeforeDate = new Date(Date.now() - 86_400_000);
  const future = selfsigned.generate([{ name: "commonName", value: "x" }], { days: 7300, notBeforeDate });
  writeFileSync(join(folder, "cert.pem"), future.cert);
  writeFileSync(join(folder, "key.pem"), future.private);
  const now = Date.now() - 10 * year;
  const renewed = ownTlsIdentity(folder, [], now);
  t.equal(renewed.made, "not valid yet");
  t.not(renewed.key, key);
  t.ok(validityOf(renewed).validFrom < now);
  t.equal(ownTlsIdentity(folder, [], Date.parse("1977-01-01")).made, undefined);
});

t.test("what a kill or a power cut left of an earlier making does not keep the controller down", async (t) => {
  for (const leave of [
    (folder: string) => truncateSync(join(folder, "cert.pem"), 100),
    (folder: string) => truncateSync(join(folder, "key.pem"), 0),
    (folder: string) => writeFileSync(join(folder, "key.pem"), ownTlsIdentity(join(folder, "another")).key),
    (folder: string) => writeFileSync(join(folder, "cert.pem.new"), "half"),
  ]) {
    const folder = join(temporaryFolder(t), "tls");
    ownTlsIdentity(folder);
    leave(folder);
    const pair = ownTlsIdentity(folder);
    t.doesNotThrow(() => createSecureContext(pair));
    t.same(ownTlsIdentity(folder), { ...pair, made: undefined });
  }
});

t.test("host keys are made once; a half-written one is no key", async (t) => {
  const folder = join(temporaryFolder(t), "ssh");
  const keys = await sshHostKeys(folder);
  t.same(await sshHostKeys(folder), keys);
  t.same(readdirSync(folder).sort(), ["host-ecdsa", "host-ed25519"]);
  t.equal(statSync(join(folder, "host-ed25519")).mode & 0o777, 0o600);
  writeFileSync(join(folder, "host-ecdsa.new"), "half");
  t.same(await sshHostKeys(folder), keys);
  t.equal(readFileSync(join(folder, "host-ecdsa"), "utf8"), keys[1]);
});
