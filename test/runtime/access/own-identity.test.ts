/** The certificate and the SSH host keys that a data folder makes for itself and that people pin. */
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import t from "tap";
import { sshHostKeys } from "../../../src/runtime/access/ssh-host-keys.js";
import { ownTlsIdentity } from "../../../src/runtime/access/tls.js";
import { temporaryFolder } from "../../support/folder.js";

t.test("a certificate is made once, for its account alone, and kept", async (t) => {
  const folder = join(temporaryFolder(t), "tls");
  const made = ownTlsIdentity(folder);
  t.doesNotThrow(() => createSecureContext(made));
  t.same(ownTlsIdentity(folder), made);
  t.same(readdirSync(folder).sort(), ["cert.pem", "key.pem"]);
  t.equal(statSync(join(folder, "key.pem")).mode & 0o777, 0o600);
  t.ok(new X509Certificate(made.cert).validTo);
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
    t.same(ownTlsIdentity(folder), pair);
  }
});

t.test("host keys are made once; a half-written one is no key", async (t) => {
  const folder = join(temporaryFolder(t), "ssh");
  const keys = await sshHostKeys(folder);
  t.same(await sshHostKeys(folder), keys);
  t.same(readdirSync(folder).sort(), ["host-ed25519", "host-rsa"]);
  t.equal(statSync(join(folder, "host-ed25519")).mode & 0o777, 0o600);
  writeFileSync(join(folder, "host-rsa.new"), "half");
  t.same(await sshHostKeys(folder), keys);
  t.equal(readFileSync(join(folder, "host-rsa"), "utf8"), keys[1]);
});
