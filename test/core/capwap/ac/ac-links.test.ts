/** DTLS links of the AC: who may join over which, and when they end. */
import t from "tap";
import type { AcOutput } from "../../../../src/core/capwap/ac/ac-contract.js";
import { AccessController } from "../../../../src/core/capwap/ac/access-controller.js";
import type { Carriage } from "../../../../src/core/capwap/link/secure-link.js";
import { joinRequestElements } from "../../../../src/core/capwap/wtp/wtp-messages.js";
import { encodeMessage } from "../../../../src/wire/capwap/codec.js";
import { packetsOf } from "../../../../src/wire/capwap/header.js";
import { keepAlive } from "../../../../src/wire/capwap/keep-alive.js";
import type { Message } from "../../../../src/wire/capwap/messages.js";
import { datagramOf, inShort, sentIn } from "../../../support/capwap-messages.js";
import { accepting, acSettings, wtpEndpoint, wtpSelf } from "../../../support/capwap-world.js";

const peer = wtpEndpoint(0);
const elsewhere = { ...peer, port: peer.port + 1 };

/** @param attempt names the session that it asks for */
const joinOf = (attempt = 1): Message => {
  const elements = joinRequestElements(wtpSelf(0), new Uint8Array(16).fill(attempt));
  return { type: "joinRequest", sequence: attempt, elements };
};

class Bench {
  readonly ac: AccessController<string>;

  constructor(dataChannel = false) {
    this.ac = new AccessController<string>({ ...acSettings, linkMode: "dtls", dataChannel }, accepting);
  }

  linkUp(wtp = 0, at = peer): void {
    this.ac.linkUp(0, at, { mac: wtpSelf(wtp).mac, by: "psk", overheadBytes: 33 });
  }

  join(attempt = 1, at = peer, carriage: Carriage = "dtls"): AcOutput<string>[] {
    return this.act((out) => this.ac.datagram(0, datagramOf(at, joinOf(attempt), carriage), out));
  }

  act(work: (out: AcOutput<string>[]) => void): AcOutput<string>[] {
    const out: AcOutput<string>[] = [];
    work(out);
    return out;
  }
}

const happenings = (out: readonly AcOutput<string>[]): string[] =>
  out.flatMap((output) => {
    if (output.type === "send") return [];
    if (output.type === "dropped") return [`dropped ${output.reason}`];
    return [output.type === "close-link" ? `close-link ${output.peer.port}` : output.type];
  });

t.test("an AP joins over its own link, and over no other", async (t) => {
  const bench = new Bench();
  t.same(happenings(bench.join(1, peer, "clear")), ["dropped clear-not-allowed"]);
  t.same(sentIn(bench.join()).map(inShort), ["joinResponse 5"], "no link is established");
  bench.linkUp(1);
  const refused = bench.join();
  t.same(sentIn(refused).map(inShort), ["joinResponse 5"], "the link is another AP's");
  t.same(happenings(refused), ["dropped identity-mismatch"]);
  t.equal(bench.ac.sessionCount, 0);
  bench.linkUp(0);
  const joined = bench.join();
  t.same(happenings(joined), ["joined"]);
  t.match(
    joined.find(({ type }) => type === "joined"),
    { wtp: { link: { by: "psk" } } },
  );
  t.ok(joined.every((output) => output.type !== "send" || output.carriage === "dtls"));
});

t.test("the end of a link is the end of its session", async (t) => {
  const bench = new Bench();
  bench.linkUp();
  bench.join();
  const down = bench.act((out) => bench.ac.linkDown(0, peer, out));
  t.match(down, [{ type: "left", reason: "link-down" }]);
  t.equal(down.length, 1, "and there is nothing to close any more");
});

t.test("the end of a session is the end of its link", async (t) => {
  const bench = new Bench();
  bench.linkUp();
  bench.join();
  const at = bench.ac.nextWakeAt() as number;
  t.same(happenings(bench.act((out) => bench.ac.wake(at, out))), ["left", `close-link ${peer.port}`]);
});

t.test("a link over which nobody joins is closed after WaitJoin", async (t) => {
  const bench = new Bench();
  bench.linkUp();
  const { waitJoinMs } = acSettings.timers;
  t.equal(bench.ac.nextWakeAt(), waitJoinMs);
  t.same(happenings(bench.act((out) => bench.ac.wake(waitJoinMs, out))), [`close-link ${peer.port}`]);
  t.equal(bench.ac.nextWakeAt(), undefined);
});

t.test("an AP that comes from elsewhere leaves its former link; one that joins again over its link keeps it", async (t) => {
  const bench = new Bench();
  bench.linkUp();
  bench.join();
  t.same(happenings(bench.join(2)), ["left", "joined"]);
  bench.linkUp(0, elsewhere);
  t.same(happenings(bench.join(3, elsewhere)), ["left", `close-link ${peer.port}`, "joined"]);
});

t.test("fragments in clear never complete a message of a link", async (t) => {
  const bench = new Bench();
  bench.linkUp();
  const [first, ...others] = packetsOf(encodeMessage(joinOf()), 7, 200) as [Uint8Array, ...Uint8Array[]];
  t.ok(others.length > 0);
  const take = (bytes: Uint8Array, carriage: Carriage) => bench.act((out) => bench.ac.datagram(0, { from: peer, bytes, carriage }, out));
  t.same(take(first, "clear"), []);
  for (const other of others) t.same(take(other, "dtls"), []);
  t.same(happenings(take(first, "dtls")), ["joined"]);
});

t.test("the data channel is in clear beside a link, as the AC Descriptor says; without one it is not offered", async (t) => {
  for (const dataChannel of [true, false]) {
    const bench = new Bench(dataChannel);
    bench.linkUp();
    const [response] = sentIn(bench.join());
    const policy = response?.type === "joinResponse" ? response.elements.acDescriptor?.dtlsPolicy : undefined;
    t.equal(policy, dataChannel ? 2 : 0, "DTLS Policy (RFC 5415 §4.6.1): clear text data channel, or none");
    if (!dataChannel) continue;
    const bytes = keepAlive(new Uint8Array(16).fill(1));
    const ask = (from: typeof peer) => bench.act((out) => bench.ac.dataDatagram(0, from, bytes, out));
    t.match(ask({ ...peer, port: 4_000 }), [{ type: "send", channel: "data", carriage: "clear", bytes }]);
    t.match(ask({ address: "198.51.100.9", port: 4_000 }), [{ type: "dropped", reason: "unknown-peer" }], "from elsewhere");
  }
});
