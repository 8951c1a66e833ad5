/** The admin API's certificate while a controller runs for years. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import selfsigned from "selfsigned";
import t from "tap";
import type { CertificateView } from "../../src/core/controller/operator/views.js";
import { AdminCertificate } from "../../src/daemon/admin-certificate.js";
import type { TlsIdentity } from "../../src/runtime/access/tls.js";
import { Log } from "../../src/runtime/log.js";
import { temporaryFolder } from "../support/folder.js";

const dayMs = 86_400_000;

function logged(): { readonly log: Log; readonly lines: { event: string; msg: string }[] } {
  const lines: { event: string; msg: string }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { log: new Log({ component: "controller", level: "info", destination }), lines };
}

t.test("our own is renewed in time while the controller runs, published and logged", async (t) => {
  const data = temporaryFolder(t);
  const { log, lines } = logged();
  const views: CertificateView[] = [];
  const settings = { tlsCert: undefined, tlsKey: undefined, admin: { address: "0.0.0.0", port: 0 }, data };
  const read = AdminCertificate.read({ settings, log, onView: (view) => views.push(view), checkMs: 20 });
  if (!read.ok || read.value === undefined) throw new Error("no certificate");
  const certificate = read.value;
  // Its own timer does not keep a process alive.
  const awake = setInterval(() => {}, 1000);
  t.teardown(() => {
    clearInterval(awake);
    certificate.close();
  });
  t.match(lines, [{ event: "certificate", msg: /valid until 20\d\d-/ }]);
  t.match(views, [{ own: true }]);

  const ending = selfsigned.generate([{ name: "commonName", value: "x" }], { days: 20 });
  writeFileSync(join(data, "tls", "cert.pem"), ending.cert);
  writeFileSync(join(data, "tls", "key.pem"), ending.private);
  const renewed = await new Promise<TlsIdentity>((resolve) => certificate.watch(resolve));
  t.not(renewed.cert, ending.cert);
  t.ok((views.at(-1)?.validTo ?? 0) > Date.now() + 3000 * dayMs);
  t.match(lines.at(-1), { event: "certificate-renewed", msg: /expires soon/ });
});

t.test("the operator's is named where it is or will be invalid, and never replaced", async (t) => {
  const folder = temporaryFolder(t);
  const { cert, private: key } = selfsigned.generate([{ name: "commonName", value: "x" }], { days: 20 });
  const [tlsCert, tlsKey] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(tlsCert, cert);
  writeFileSync(tlsKey, key);
  const { log, lines } = logged();
  const views: CertificateView[] = [];
  const settings = { tlsCert, tlsKey, admin: { address: "127.0.0.1", port: 0 }, data: folder };
  const read = AdminCertificate.read({ settings, log, onView: (view) => views.push(view) });
  t.match(read, { ok: true, value: { identity: { cert } } });
  t.match(lines, [{ event: "certificate-expires", level: "warn" }]);
  t.match(views, [{ own: false }]);
  writeFileSync(tlsCert, "nothing");
  t.match(AdminCertificate.read({ settings, log, onView: () => {} }), { ok: false, failure: { code: "tls-unreadable" } });
});
