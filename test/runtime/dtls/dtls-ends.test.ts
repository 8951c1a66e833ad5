/** Both ends of the DTLS layer against each other, without sockets. */
import t from "tap";
import { dtlsServerLimits } from "../../../src/runtime/dtls/dtls-server.js";
import { apAt, apKey, apMac, DtlsWire, now, skipWithoutDtls } from "../../support/dtls-wire.js";

const up = `server 192.0.2.1:5000 up ${apMac} psk`;

t.test("a handshake, messages both ways, an end that the peer hears", { skip: skipWithoutDtls }, async (t) => {
  const wire = new DtlsWire();
  const client = wire.client();
  wire.open(client);
  t.same(wire.news(), [up, "client 192.0.2.1:5000 up ECDHE-PSK-CHACHA20-POLY1305"]);
  wire.say("join", client);
  wire.say("welcome", wire.server);
  t.same(wire.news(), ["server 192.0.2.1:5000 heard join", "client 192.0.2.1:5000 heard welcome"]);
  t.notOk(
    wire.sent.some(({ bytes }) => Buffer.from(bytes).includes("join")),
    "nothing crosses in clear",
  );
  t.ok(
    wire.sent.every(({ bytes }) => Buffer.from(bytes.subarray(0, 4)).equals(Buffer.of(1, 0, 0, 0))),
    "each has a CAPWAP DTLS header",
  );
  wire.server.close(apAt);
  wire.settle();
  t.same(wire.news(), ["client 192.0.2.1:5000 down: closed by the peer"]);
  t.equal(wire.server.associationCount, 0);
  wire.say("anybody", client);
  t.same(wire.news(), ["no link for anybody"]);
});

t.test("a ClientHello without a cookie leaves nothing behind, and its answer is smaller", { skip: skipWithoutDtls }, async (t) => {
  const wire = new DtlsWire();
  wire.fate = ({ toServer, bytes }) => (toServer ? [bytes] : []);
  wire.open(wire.client());
  t.equal(wire.sent.length, 2);
  t.ok((wire.sent[1]?.bytes.length ?? 0) < (wire.sent[0]?.bytes.length ?? 0), "no amplification");
  t.equal(wire.server.handshakeCount, 0);
  t.equal(wire.server.associationCount, 0);
  t.equal(wire.server.nextWakeAt(), undefined);
});

t.test("a cookie serves the address that it was made for alone", { skip: skipWithoutDtls }, async (t) => {
  const wire = new DtlsWire();
  wire.open(wire.client());
  const withCookie = wire.sent.filter(({ toServer }) => toServer)[1]?.bytes as Uint8Array;
  const other = { address: "198.51.100.9", port: 5000 };
  wire.server.take(now(), Uint8Array.from(withCookie), other);
  t.equal(wire.server.handshakeCount, 0);
});

t.test("a wrong key and an unknown identity are refused", { skip: skipWithoutDtls }, async (t) => {
  const wire = new DtlsWire();
  wire.open(wire.client({ identity: apMac, key: Buffer.alloc(32, 8) }));
  t.same(wire.news(), []);
  t.equal(wire.server.handshakeCount, 1);
  wire.server.wake(now() + dtlsServerLimits.handshakeMsMax);
  t.same(wire.news(), [`handshake wrong-key ${apMac}`]);
  t.equal(wire.server.handshakeCount, 0);
  wire.open(wire.client({ identity: "00:0a:b8:00:00:02", key: apKey }));
  t.same(wire.news(), [
    "handshake unknown-identity 00:0a:b8:00:00:02",
    "client 192.0.2.1:5000 down: handshake: tlsv1 alert unknown psk identity",
  ]);
});

t.test("lost flights are sent again, each of them in turn", { skip: skipWithoutDtls }, async (t) => {
  for (let lost = 0; lost < 6; lost++) {
    const wire = new DtlsWire();
    let crossed = 0;
    wire.fate = ({ bytes }) => (crossed++ === lost ? [] : [bytes]);
    const client = wire.client();
    wire.open(client);
    await wire.pass(5_000, () => wire.happened.length >= 2);
    t.same(wire.news().sort(), ["client 192.0.2.1:5000 up ECDHE-PSK-CHACHA20-POLY1305", up], `datagram ${lost} is lost`);
    wire.say("join", client);
    t.same(wire.news(), ["server 192.0.2.1:5000 heard join"]);
  }
});

t.test("repeated datagrams change nothing, a repeated message is heard once", { skip: skipWithoutDtls }, async (t) => {
  const wire = new DtlsWire();
  wire.fate = ({ bytes }) => [bytes, bytes];
  const client = wire.client();
  wire.open(client);
  t.same(wire.news(), [up, "client 192.0.2.1:5000 up ECDHE-PSK-CHACHA20-POLY1305"]);
  wire.say("join", client);
  t.same(wire.news(), ["server 192.0.2.1:5000 heard join"]);
});

t.test("forged records are ignored", { skip: skipWithoutDtls }, async (t) => {
  const wire = new DtlsWire();
  const client = wire.client();
  wire.open(client);
  wire.say("one", client);
  wire.news();
  const record = wire.sent.at(-1)?.bytes as Uint8Array;
  for (let at = 4; at < record.length; at++) {
    const forged = Uint8Array.from(record);
    // Another sequence number, so that the replay window does not stop it.
    forged[14] = 9;
    forged[at] = (forged[at] as number) ^ 0x55;
    wire.server.take(now(), forged, apAt);
  }
  const alert = Uint8Array.of(1, 0, 0, 0, 21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40);
  wire.server.take(now(), alert, apAt);
  wire.say("two", client);
  t.same(wire.news(), ["server 192.0.2.1:5000 heard two"]);
});

t.test(
  "a rebooted AP on the same port: the old association lasts until the new handshake completes",
  { skip: skipWithoutDtls },
  async (t) => {
    const wire = new DtlsWire();
    const before = wire.client();
    wire.open(before);
    wire.news();
    const withheld: Uint8Array[] = [];
    let held = false;
    // The last flight of the new handshake is withheld.
    wire.fate = ({ toServer, bytes }) => {
      if (toServer && bytes[4] === 22 && bytes[17] === 16 && !held) {
        held = true;
        withheld.push(bytes);
        return [];
      }
      return [bytes];
    };
    const after = wire.client();
    wire.open(after);
    t.equal(wire.server.handshakeCount, 1);
    wire.say("still here", before);
    wire.say("still heard", wire.server);
    t.same(wire.news(), ["server 192.0.2.1:5000 heard still here"], "the new client has no use for records of the old keys");
    for (const bytes of withheld) wire.server.take(now(), Uint8Array.from(bytes), apAt);
    wire.settle();
    t.same(wire.news(), ["server 192.0.2.1:5000 down: replaced", up, "client 192.0.2.1:5000 up ECDHE-PSK-CHACHA20-POLY1305"]);
    wire.say("back", after);
    wire.say("welcome back", wire.server);
    t.same(wire.news(), ["server 192.0.2.1:5000 heard back", "client 192.0.2.1:5000 heard welcome back"]);
    t.equal(wire.server.associationCount, 1);
  },
);

t.test("a peer at the AP's address without its key does not disturb the association", { skip: skipWithoutDtls }, async (t) => {
  const wire = new DtlsWire();
  const client = wire.client();
  wire.open(client);
  wire.news();
  wire.open(wire.client({ identity: apMac, key: Buffer.alloc(32, 9) }));
  wire.clients.set("192.0.2.1:5000", client);
  wire.say("still here", client);
  wire.server.wake(now() + dtlsServerLimits.handshakeMsMax);
  wire.say("and still", client);
  t.same(wire.news(), ["server 192.0.2.1:5000 heard still here", `handshake wrong-key ${apMac}`, "server 192.0.2.1:5000 heard and still"]);
});

t.test("an AP has two associations at most, and all end when its credential does", { skip: skipWithoutDtls }, async (t) => {
  const wire = new DtlsWire();
  for (const port of [5001, 5002, 5003]) wire.open(wire.client(undefined, { ...apAt, port }));
  t.equal(wire.server.associationCount, 2);
  t.ok(wire.news().includes("server 192.0.2.1:5001 down: the AP has newer associations"));
  wire.server.closeAp(apMac as never, "revoked");
  wire.settle();
  t.same(wire.news(), [
    "server 192.0.2.1:5002 down: revoked",
    "server 192.0.2.1:5003 down: revoked",
    "client 192.0.2.1:5002 down: closed by the peer",
    "client 192.0.2.1:5003 down: closed by the peer",
  ]);
  t.equal(wire.server.associationCount, 0);
});

t.test("unfinished handshakes are bounded: a newcomer replaces one that had its time", { skip: skipWithoutDtls }, async (t) => {
  const wire = new DtlsWire();
  wire.fate = ({ toServer, bytes }) => (toServer && bytes[17] === 16 ? [] : [bytes]);
  const { handshakesMax, handshakeMsMin } = dtlsServerLimits;
  const open = (first: number, count: number): void => {
    for (let port = first; port < first + count; port++) wire.open(wire.client(undefined, { ...apAt, port }));
  };
  open(1, handshakesMax + 20);
  t.equal(wire.server.handshakeCount, handshakesMax);
  t.same(wire.news(), [], "those in progress are left alone");
  wire.aheadMs = handshakeMsMin;
  open(1_000, 20);
  t.equal(wire.server.handshakeCount, handshakesMax);
  t.equal(wire.news().filter((line) => /^handshake (?:replaced|wrong-key)/.test(line)).length, 20);
  wire.server.wake(now() + handshakeMsMin + dtlsServerLimits.handshakeMsMax);
  t.equal(wire.server.handshakeCount, 0);
  t.equal(wire.server.nextWakeAt(), undefined);
});
