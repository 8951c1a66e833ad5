/** The stand-in for DTLS behaves as the daemons' layer does: the same situations as test/runtime/dtls/dtls-ends.test.ts, in virtual time. */
import t from "tap";
import type { Endpoint } from "../../src/base/endpoint.js";
import { parseMac } from "../../src/base/mac-address.js";
import { Prng } from "../../src/base/prng.js";
import { StandInClient } from "../../src/sim/secure-link/stand-in-client.js";
import { StandInServer } from "../../src/sim/secure-link/stand-in-server.js";
import { capwapIn } from "../../src/sim/secure-link/stand-in-wire.js";

const apAt: Endpoint = { address: "192.0.2.1", port: 5000 };
const controllerAt: Endpoint = { address: "192.0.2.254", port: 5246 };
const mac = parseMac("00:0a:b8:00:00:01") as NonNullable<ReturnType<typeof parseMac>>;
const key = 7;

interface Crossing {
  readonly toServer: boolean;
  readonly bytes: Uint8Array;
}

class Wire {
  readonly happened: string[] = [];
  readonly sent: Crossing[] = [];
  fate: (crossing: Crossing) => readonly Uint8Array[] = ({ bytes }) => [bytes];
  secretOf: () => number | undefined = () => key;
  client: StandInClient;
  readonly server: StandInServer;
  now = 0;
  readonly #waiting: Crossing[] = [];
  readonly #prng = new Prng(1);

  constructor() {
    this.server = new StandInServer({
      prng: this.#prng.split("server"),
      secretOf: () => this.secretOf(),
      send: (bytes) => this.#cross({ toServer: false, bytes }),
      onPlaintext: (bytes) => this.happened.push(`server heard ${Buffer.from(bytes)}`),
      onUp: (_peer, identity) => this.happened.push(`server up ${identity.mac}`),
      onDown: () => this.happened.push("server down"),
      onHandshake: (outcome) => outcome === "established" || this.happened.push(`handshake ${outcome}`),
    });
    this.client = this.newClient();
  }

  /** A second one is the rebooted first. */
  newClient(secret = key): StandInClient {
    this.client = new StandInClient({
      prng: this.#prng.split(`client ${this.#prng.u32()}`),
      identity: mac,
      secret: () => secret,
      send: (bytes) => this.#cross({ toServer: true, bytes }),
      onPlaintext: (bytes) => this.happened.push(`client heard ${Buffer.from(bytes)}`),
      onUp: () => this.happened.push("client up"),
      onDown: (_peer, reason) => this.happened.push(`client down: ${reason}`),
    });
    return this.client;
  }

  open(): void {
    this.client.open(this.now, controllerAt);
    this.settle();
  }

  settle(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.toServer) this.server.take(this.now, next.bytes, apAt);
      else this.client.take(this.now, next.bytes, controllerAt);
    }
  }

  say(text: string, from: "client" | "server" = "client"): void {
    const plaintext = Buffer.from(text);
    const into = Buffer.alloc(100);
    const bytes = from === "client" ? this.client.seal(plaintext, controllerAt, into) : this.server.seal(plaintext, apAt, into);
    if (bytes === undefined) this.happened.push(`no link for ${text}`);
    else this.#cross({ toServer: from === "client", bytes: Uint8Array.from(bytes) });
    this.settle();
  }

  pass(milliseconds: number): void {
    for (const until = this.now + milliseconds; this.now < until; this.now += 100) {
      this.server.wake(this.now);
      this.client.wake(this.now);
      this.settle();
    }
  }

  recent(): string[] {
    return this.happened.splice(0);
  }

  #cross(crossing: Crossing): void {
    this.sent.push(crossing);
    for (const bytes of this.fate(crossing)) this.#waiting.push({ ...crossing, bytes });
  }
}

const up = [`server up ${mac}`, "client up"];

t.test("a handshake, messages both ways, an end that the peer hears", async (t) => {
  const wire = new Wire();
  wire.open();
  t.same(wire.recent(), up);
  wire.say("join");
  wire.say("welcome", "server");
  t.same(wire.recent(), ["server heard join", "client heard welcome"]);
  t.equal(Buffer.from(capwapIn(wire.sent.at(-1)?.bytes as Uint8Array) ?? []).toString(), "welcome");
  wire.server.close(apAt);
  wire.settle();
  t.same(wire.recent(), ["client down: closed by the peer"]);
  wire.say("anybody");
  t.same(wire.recent(), ["no link for anybody"]);
});

t.test("lost flights are sent again, each of them in turn", async (t) => {
  for (let lost = 0; lost < 6; lost++) {
    const wire = new Wire();
    let crossed = 0;
    wire.fate = ({ bytes }) => (crossed++ === lost ? [] : [bytes]);
    wire.open();
    wire.pass(2_000);
    t.same(wire.recent(), up, `datagram ${lost} is lost`);
  }
});

t.test("without an answer the client gives up; without a cookie the server keeps nothing", async (t) => {
  const wire = new Wire();
  wire.fate = ({ toServer, bytes }) => (toServer ? [bytes] : []);
  wire.open();
  t.equal(wire.server.nextWakeAt(), undefined);
  wire.pass(60_000);
  t.same(wire.recent(), ["client down: no answer"]);
  t.equal(wire.sent.filter(({ toServer }) => toServer).length, 13);
});

t.test("an unknown identity gets an answer, a wrong key none", async (t) => {
  const wire = new Wire();
  wire.secretOf = () => undefined;
  wire.open();
  t.same(wire.recent(), ["handshake unknown-identity", "client down: unknown identity"]);
  wire.secretOf = () => key + 1;
  wire.open();
  wire.pass(60_000);
  t.same(wire.recent(), ["handshake wrong-key", "client down: no answer"]);
});

t.test("a record counts once, and one of other keys not at all", async (t) => {
  const wire = new Wire();
  wire.open();
  wire.recent();
  wire.fate = ({ bytes }) => [bytes, bytes];
  wire.say("once");
  t.same(wire.recent(), ["server heard once"]);
  const forged = Uint8Array.from(wire.sent.at(-1)?.bytes as Uint8Array);
  forged[8] = (forged[8] as number) ^ 1;
  t.equal(wire.server.take(wire.now, forged, apAt), false);
});

t.test("a rebooted AP on the same port: the old link lasts until the new handshake completes", async (t) => {
  const wire = new Wire();
  const before = wire.client;
  wire.open();
  wire.recent();
  const proofs: Uint8Array[] = [];
  wire.fate = ({ toServer, bytes }) => {
    if (!toServer || bytes[4] !== 3) return [bytes];
    proofs.push(bytes);
    return [];
  };
  const after = wire.newClient();
  wire.open();
  wire.client = before;
  wire.say("still here");
  t.same(wire.recent(), ["server heard still here"]);
  wire.client = after;
  wire.server.take(wire.now, proofs[0] as Uint8Array, apAt);
  wire.settle();
  t.same(wire.recent(), ["server down", ...up]);
  wire.client = before;
  wire.say("anybody");
  t.same(wire.recent(), [], "the server knows the former keys no more");
});

t.test("a revoked AP's link ends", async (t) => {
  const wire = new Wire();
  wire.open();
  wire.recent();
  wire.server.closeAp(mac);
  wire.settle();
  t.same(wire.recent(), ["server down", "client down: closed by the peer"]);
});

t.test("bytes that are none are ignored", async (t) => {
  const wire = new Wire();
  wire.open();
  const prng = new Prng(5);
  for (let at = 0; at < 2_000; at++) {
    const bytes = prng.bytes(prng.below(40));
    if (bytes.length > 4) bytes.set([1, 0, 0, 0, prng.below(9)]);
    wire.server.take(wire.now, bytes, { address: "198.51.100.1", port: at });
    wire.client.take(wire.now, bytes, controllerAt);
  }
  wire.recent();
  wire.say("still here");
  t.same(wire.recent(), ["server heard still here"]);
  t.equal(wire.server.nextWakeAt(), undefined);
});
