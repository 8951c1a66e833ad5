/** Whatever arrives: no throw, no growth, no change of a session that is not the sender's. */

import t from "tap";
import type { AcOutput } from "../../../src/core/capwap/ac/ac-contract.js";
import type { WtpOutput } from "../../../src/core/capwap/wtp/wtp-contract.js";
import { encodeMessage } from "../../../src/wire/capwap/codec.js";
import { packetsOf } from "../../../src/wire/capwap/header.js";
import { readCapture } from "../../support/captures.js";
import { anyMessage } from "../../support/capwap-arbitraries.js";
import { acEndpoint, CapwapWorld, wtpEndpoint } from "../../support/capwap-world.js";
import { fixture } from "../../support/fixtures.js";
import fc from "../../support/properties.js";

const captured = ["good.pcap", "opencapwap-discovery-to-run.pcapng", "frag.pcap"].flatMap((name) =>
  readCapture(fixture("capwap", name)).map(({ payload }) => payload),
);

/** Noise, messages of every layout, captured messages with some octets changed, and messages in fragments. */
const datagram: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.uint8Array({ minLength: 2_000, maxLength: 9_000 }),
  anyMessage.map((message) => packetsOf(encodeMessage(message), 0, 65_535)[0] ?? new Uint8Array()),
  fc.tuple(anyMessage, fc.nat(), fc.nat(0xffff)).map(([message, pick, id]) => {
    const packets = packetsOf(encodeMessage(message), id, 64);
    return packets[pick % packets.length] ?? new Uint8Array();
  }),
  fc
    .tuple(fc.constantFrom(...captured), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }), fc.nat(40))
    .map(([bytes, edits, cut]) => {
      const changed = Uint8Array.from(bytes.subarray(0, Math.max(1, bytes.length - cut)));
      for (const [at, value] of edits) changed[at % changed.length] = value;
      return changed;
    }),
);

function inRun(): CapwapWorld {
  const world = new CapwapWorld(1);
  world.start();
  world.run(60_000, () => world.runningSessions === 1);
  return world;
}

const stranger = { address: "203.0.113.9", port: 999 };

t.test("strangers cannot make the AC throw, keep anything but a session that they joined, or touch another's session", async (t) => {
  fc.assert(
    fc.property(fc.array(datagram, { maxLength: 30 }), (datagrams) => {
      const world = inRun();
      const wakeAt = world.ac.nextWakeAt();
      const out: AcOutput<string>[] = [];
      for (const bytes of datagrams) world.ac.datagram(world.now, { from: stranger, bytes, carriage: "clear" }, out);
      const joined = out.filter((output) => output.type === "joined").length;
      const ended = out.filter((output) => output.type === "left").length;
      if (out.some((output) => output.type === "left" && output.session === 1 && output.reason !== "replaced")) return false;
      return world.ac.sessionCount === 1 + joined - ended && (joined > 0 || world.ac.nextWakeAt() === wakeAt);
    }),
    { numRuns: 150 },
  );
  t.pass();
});

t.test("a peer in Run cannot make the AC throw, whatever it sends", async (t) => {
  fc.assert(
    fc.property(fc.array(datagram, { maxLength: 30 }), fc.array(fc.nat(40_000), { maxLength: 5 }), (datagrams, waits) => {
      const world = inRun();
      const out: AcOutput<string>[] = [];
      world.onAc((ac, sink) => ac.request(world.now, 1, { type: "configurationUpdateRequest", elements: {} }, "x", sink));
      for (const [index, bytes] of datagrams.entries()) {
        world.ac.datagram(world.now, { from: wtpEndpoint(0), bytes, carriage: "clear" }, out);
        world.now += waits[index] ?? 0;
        world.ac.wake(world.now, out);
      }
      return out.length <= 12 * (datagrams.length + waits.length + 1) && world.ac.sessionCount <= 2;
    }),
    { numRuns: 150 },
  );
  t.pass();
});

t.test("strangers cannot make the WTP throw, speak or change state", async (t) => {
  fc.assert(
    fc.property(fc.array(datagram, { maxLength: 30 }), (datagrams) => {
      const world = inRun();
      const wtp = world.wtp();
      const wakeAt = wtp.nextWakeAt();
      const out: WtpOutput<string>[] = [];
      for (const bytes of datagrams) wtp.datagram(world.now, { from: stranger, bytes, carriage: "clear" }, out);
      return out.every(({ type }) => type === "dropped") && wtp.state === "run" && wtp.nextWakeAt() === wakeAt;
    }),
    { numRuns: 150 },
  );
  t.pass();
});

t.test("its own controller cannot make the WTP throw, whatever it sends", async (t) => {
  fc.assert(
    fc.property(fc.array(datagram, { maxLength: 30 }), fc.array(fc.nat(40_000), { maxLength: 5 }), (datagrams, waits) => {
      const world = inRun();
      const wtp = world.wtp();
      const out: WtpOutput<string>[] = [];
      wtp.startImage(world.now, { vendor: 1, name: "x" }, undefined, out);
      for (const [index, bytes] of datagrams.entries()) {
        wtp.datagram(world.now, { from: acEndpoint, bytes, carriage: "clear" }, out);
        world.now += waits[index] ?? 0;
        wtp.wake(world.now, out);
        wtp.blockStored(world.now, 0, out);
        wtp.answerConfigurationUpdate(world.now, { resultCode: 0 }, out);
      }
      return out.length <= 12 * (datagrams.length + waits.length + 1);
    }),
    { numRuns: 150 },
  );
  t.pass();
});

t.test("an answer to a stranger is no larger than a few times the question", async (t) => {
  const world = inRun();
  let asked = 0;
  let answered = 0;
  fc.assert(
    fc.property(datagram, (bytes) => {
      const out: AcOutput<string>[] = [];
      world.now += 1_000;
      world.ac.datagram(world.now, { from: stranger, bytes, carriage: "clear" }, out);
      const reply = out.reduce((sum, output) => sum + (output.type === "send" ? output.bytes.length : 0), 0);
      asked += bytes.length;
      answered += reply;
      return reply <= 3 * bytes.length;
    }),
    { numRuns: 300 },
  );
  t.ok(answered < asked, `${answered} octets for ${asked}`);
});
