/** X.509 on both ends (RFC 5415 §2.4.4.3): authority, key usage, MAC address as Common Name, revocation, fragments. */
import t from "tap";
import { apAt, apMac, DtlsWire, skipWithoutDtls } from "../../support/dtls-wire.js";
import { hasOpenssl, OpensslAuthority, usages } from "../../support/openssl-authority.js";

const skip = skipWithoutDtls || (!hasOpenssl && "no openssl here");
const controllerMac = "00:0A:B8:00:00:FE";
const up = `server 192.0.2.1:5000 up ${apMac} certificate`;

t.test("both ends by certificate", { skip }, async (t) => {
  const ca = new OpensslAuthority(t);
  const { authority } = ca;
  const wire = new DtlsWire({ ...ca.issue(controllerMac, usages.ac), authority });
  const client = wire.client({ ...ca.issue(apMac.toUpperCase(), usages.wtp), authority });
  wire.open(client);
  t.same(wire.news(), [up, "client 192.0.2.1:5000 up ECDHE-ECDSA-AES128-GCM-SHA256"]);
  wire.say("join", client);
  t.same(wire.news(), ["server 192.0.2.1:5000 heard join"]);
});

t.test("keys and certificates on one controller", { skip }, async (t) => {
  const ca = new OpensslAuthority(t);
  const { authority } = ca;
  const wire = new DtlsWire({ ...ca.issue(controllerMac, usages.ac), authority, keyOf: () => Buffer.alloc(32, 7) });
  wire.open(wire.client({ ...ca.issue(apMac, usages.wtp), authority }));
  wire.open(wire.client(undefined, { ...apAt, port: 5001 }));
  t.same(
    wire.news().filter((line) => line.startsWith("server")),
    [up, `server 192.0.2.1:5001 up ${apMac} psk`],
  );
});

t.test("a handshake whose certificates need several datagrams, each of which may be lost", { skip }, async (t) => {
  const ca = new OpensslAuthority(t);
  const { authority } = ca;
  const wire = new DtlsWire({ ...ca.issue(controllerMac, usages.ac, "rsa:4096"), authority });
  const credentials = { ...ca.issue(apMac, usages.wtp, "rsa:4096"), authority };
  wire.open(wire.client(credentials));
  t.same(wire.news(), [up, "client 192.0.2.1:5000 up ECDHE-RSA-AES128-GCM-SHA256"]);
  t.ok(wire.sent.length > 6, `${wire.sent.length} datagrams`);
  t.ok(
    wire.sent.every(({ bytes }) => bytes.length <= 1200),
    "none is larger than the path of a tunnel",
  );
  for (const lost of [3, 5, 7]) {
    let crossed = 0;
    wire.fate = ({ bytes }) => (crossed++ === lost ? [] : [bytes]);
    wire.open(wire.client(credentials));
    await wire.pass(5_000, () => wire.happened.length >= 3);
    t.ok(wire.news().includes(up), `datagram ${lost} is lost`);
  }
});

t.test("what does not verify stays out", { skip }, async (t) => {
  const ca = new OpensslAuthority(t);
  const foreign = new OpensslAuthority(t);
  const { authority } = ca;
  const controller = ca.issue(controllerMac, usages.ac);
  const ap = ca.issue(apMac, usages.wtp);
  const attempt = (server: object, client: object): string[] => {
    const wire = new DtlsWire({ ...controller, authority, ...server });
    wire.open(wire.client({ ...ap, authority, ...client }));
    return wire.news();
  };
  t.equal(attempt({}, {}).length, 2, "the credentials are good");
  const refusals: readonly (readonly [what: string, server: object, client: object, reason: RegExp])[] = [
    ["an AP of another authority", {}, foreign.issue(apMac, usages.wtp), /handshake certificate/],
    ["an AP without the usage of a WTP", {}, ca.issue(apMac, usages.tlsServer), /handshake certificate/],
    ["an AP with the usage of a controller", {}, ca.issue(apMac, usages.ac), /handshake certificate/],
    ["an AP that is named otherwise", {}, ca.issue("branch ap", usages.wtp), /handshake certificate branch ap/],
    ["an AP that was revoked", { revoked: ca.revoke(ap) }, {}, /handshake certificate/],
    ["a controller of another authority", foreign.issue(controllerMac, usages.ac), {}, /client .* down: handshake: certificate/],
    ["a controller with the usage of an AP", ca.issue(controllerMac, usages.wtp), {}, /client .* down: handshake: certificate/],
  ];
  for (const [what, server, client, reason] of refusals) {
    const news = attempt(server, client);
    t.notOk(
      news.some((line) => line.startsWith("server") && line.includes(" up ")),
      `${what}: ${news}`,
    );
    t.ok(
      news.some((line) => reason.test(line)),
      `${what}: ${news}`,
    );
  }
});

t.test("a list that revokes others lets the AP in", { skip }, async (t) => {
  const ca = new OpensslAuthority(t);
  const { authority } = ca;
  const other = ca.issue("00:0a:b8:00:00:77", usages.wtp);
  const wire = new DtlsWire({ ...ca.issue(controllerMac, usages.ac), authority, revoked: ca.revoke(other) });
  wire.open(wire.client({ ...ca.issue(apMac, usages.wtp), authority }));
  t.equal(wire.news()[0], up);
});

t.test("files that are no certificates are named as such", { skip }, async (t) => {
  t.throws(() => new DtlsWire({ certificate: "x", privateKey: "y", authority: "z" }), /certificate, key or authority cannot be used/);
});
