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
  t.equal(channel.admit("configurationUpdateRequest", 7, out), "new");
  t.equal(channel.admit("configurationUpdateRequest", 7, out), "busy", "while it is being carried out");
  t.equal(channel.awaiting("configurationUpdateRequest"), 7);
  t.equal(channel.awaiting("resetRequest"), undefined);
  channel.reply([datagram(70)], out);
  t.equal(channel.awaiting("configurationUpdateRequest"), undefined);
  t.equal(channel.admit("configurationUpdateRequest", 7, out), "repeat");
  t.same(marks(out), [70, 70]);
  t.equal(channel.admit("configurationUpdateRequest", 6, out), "old");
  t.equal(channel.admit("configurationUpdateRequest", 8, out), "new");
  t.equal(channel.admit("configurationUpdateRequest", 7, out), "old", "one before the last is not remembered");
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
