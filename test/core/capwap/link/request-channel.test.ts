import t from "tap";
import type { SendDatagram } from "../../../../src/core/capwap/contract.js";
import { giveUpAfterMs, isBefore, RequestChannel } from "../../../../src/core/capwap/link/request-channel.js";
import { defaultTimers } from "../../../../src/wire/capwap/defaults.js";
import fc from "../../../support/properties.js";

const to = { address: "10.0.0.1", port: 5246 };
const datagram = (mark: number): SendDatagram => ({ type: "send", to, bytes: Uint8Array.of(mark), carriage: "clear" });
const marks = (out: readonly SendDatagram[]): number[] => out.map(({ bytes }) => bytes[0] ?? -1);

t.test("an unanswered request is sent again at 3, 9, 21, 36 and 51 s and given up at 66 s", async (t) => {
  const channel = new RequestChannel<string>(defaultTimers);
  const out: SendDatagram[] = [];
  channel.send(0, "echoRequest", "echo", (sequence) => [datagram(sequence)], out);
  const sentAt: number[] = [];
  let exhaustedAt = -1;
  for (let at = channel.nextWakeAt() ?? -1; exhaustedAt < 0; at = channel.nextWakeAt() ?? -1) {
    t.equal(channel.retry(at - 1, out), "waiting", "not before its time");
    if (channel.retry(at, out) === "exhausted") exhaustedAt = at;
    else sentAt.push(at / 1000);
  }
  t.same(sentAt, [3, 9, 21, 36, 51]);
  t.equal(exhaustedAt, 66_000);
  t.equal(giveUpAfterMs(defaultTimers), 66_000);
  t.same(marks(out), [0, 0, 0, 0, 0, 0], "the same octets each time");
});

t.test("a response is taken once, and only by type and sequence number", async (t) => {
  const channel = new RequestChannel<string>(defaultTimers);
  channel.send(0, "echoRequest", "echo", () => [], []);
  t.equal(channel.take("echoResponse", 1), undefined, "another sequence number");
  t.equal(channel.take("wtpEventResponse", 0), undefined, "another type");
  t.equal(channel.idle, false);
  t.equal(channel.take("echoResponse", 0), "echo");
  t.equal(channel.take("echoResponse", 0), undefined, "a repeat");
  t.equal(channel.idle, true);
  t.equal(channel.nextWakeAt(), undefined);
});

t.test("sequence numbers go up by one and wrap", async (t) => {
  const channel = new RequestChannel<number>(defaultTimers);
  for (let count = 0; count < 600; count++) {
    const out: SendDatagram[] = [];
    channel.send(0, "echoRequest", count, (sequence) => [datagram(sequence)], out);
    const [used = -1] = marks(out);
    t.ok(used === count % 256 && channel.take("echoResponse", used) === count);
  }
});

t.test("a repeat gets the remembered answer and is not carried out again", async (t) => {
  const channel = new RequestChannel<string>(defaultTimers);
  const out: SendDatagram[] = [];
  const octets = (mark: number): Uint8Array => Uint8Array.of(1, mark);
  const admit = (sequence: number, mark = sequence) => channel.admit(0, "configurationUpdateRequest", sequence, octets(mark), out);
  t.equal(admit(7), "new");
  t.equal(admit(7), "busy", "while it is being carried out");
  t.equal(channel.awaiting("configurationUpdateRequest"), 7);
  t.equal(channel.awaiting("resetRequest"), undefined);
  channel.reply(7, [datagram(70)], out);
  t.equal(channel.awaiting("configurationUpdateRequest"), undefined);
  t.equal(admit(7), "repeat");
  t.same(marks(out), [70, 70]);
  t.equal(admit(6), "old");
  t.equal(admit(8), "new");
  t.equal(admit(7), "old", "one before the last is not remembered");
});

t.test("another request under the last number is neither carried out nor answered", async (t) => {
  const channel = new RequestChannel<string>(defaultTimers);
  const out: SendDatagram[] = [];
  t.equal(channel.admit(0, "changeStateEventRequest", 7, Uint8Array.of(11, 7), out), "new");
  channel.reply(7, [datagram(70)], out);
  t.equal(channel.admit(0, "echoRequest", 7, Uint8Array.of(13, 7), out), "reused", "another message");
  t.equal(channel.admit(0, "changeStateEventRequest", 7, Uint8Array.of(11, 8), out), "reused", "the same message with other elements");
  t.same(marks(out), [70]);
});

t.test("repeats are answered a few times in a second", async (t) => {
  const channel = new RequestChannel<string>(defaultTimers);
  const out: SendDatagram[] = [];
  const request = (now: number) => channel.admit(now, "echoRequest", 7, Uint8Array.of(13, 7), out);
  t.equal(request(0), "new");
  channel.reply(7, [datagram(70)], out);
  const arrivals = Array.from({ length: 300 }, () => request(0));
  t.equal(arrivals.filter((arrival) => arrival === "repeat").length, 10);
  t.equal(arrivals.at(-1), "flood");
  t.equal(request(1_000), "repeat");
});

t.test("a request far ahead does not make those of the peer old", async (t) => {
  const channel = new RequestChannel<string>(defaultTimers);
  const admit = (sequence: number, mark = 0) => channel.admit(0, "echoRequest", sequence, Uint8Array.of(sequence, mark), []);
  for (const sequence of [3, 4, 5]) t.equal(admit(sequence), "new");
  for (const forged of [125, 30, 90, 60, 100]) t.not(admit(forged, 1), "reused");
  t.equal(admit(6), "new", "it continues what the peer has sent");
  t.equal(admit(4), "old");
  t.equal(admit(9), "new", "nor where the peer leaves numbers out");
  t.equal(admit(130, 1), "new");
  t.equal(admit(10), "new");
  for (let count = 11; count < 600; count++) t.equal(admit(count & 255), "new", `${count}: nothing of before stands in the way`);
});

t.test("comparison modulo 256", async (t) => {
  const table: readonly (readonly [number, number, boolean])[] = [
    [0, 1, true],
    [1, 0, false],
    [5, 5, false],
    [255, 0, true],
    [0, 255, false],
    [0, 127, true],
    [0, 128, false],
    [128, 0, false],
    [129, 0, true],
    [0, 129, false],
    [200, 10, true],
  ];
  for (const [a, b, expected] of table) t.equal(isBefore(a, b), expected, `${a} before ${b}`);
  const byte = fc.nat(255);
  fc.assert(fc.property(byte, byte, (a, b) => isBefore(a, b) === (((b - a) & 255) > 0 && ((b - a) & 255) < 128)));
});

t.test("the wait never exceeds half the Echo interval", async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 0, max: 8 }),
      fc.integer({ min: 10_000, max: 60_000 }),
      (first, retries, echo) => {
        const total = giveUpAfterMs({ retransmitIntervalMs: first, maxRetransmit: retries, echoIntervalMs: echo });
        return total <= (retries + 1) * (echo / 2) && total >= first;
      },
    ),
  );
});
