/** The sender against hand-written peers: what it sends, and above all what it does not send. */
import t from "tap";
import { wake } from "../../../src/base/machine.js";
import { Prng } from "../../../src/base/prng.js";
import type { SessionEffect, SessionInput, SessionPlan } from "../../../src/core/tftp/server/contract.js";
import { SendSession } from "../../../src/core/tftp/server/send-session.js";
import { wireBlock } from "../../../src/wire/tftp/block-number.js";
import { encodePacket } from "../../../src/wire/tftp/packet.js";

function sending(plan: Partial<SessionPlan> = {}) {
  const session = new SendSession({
    session: 1,
    peer: { address: "10.0.0.9", port: 1 },
    local: "10.0.0.1",
    singlePort: false,
    fileName: "image",
    lookUp: undefined,
    sizeBytes: 10_000,
    requestBytes: 20,
    blksize: 1000,
    windowsize: 1,
    timeoutMs: undefined,
    firstAckMsMax: 10_000,
    idleMsMax: 10_000,
    oack: undefined,
    rateBytesPerSecond: undefined,
    ...plan,
  });
  let now = 0;
  const give = (input: SessionInput, after = 1): unknown[] => {
    now += after;
    const out: SessionEffect[] = [];
    session.step(now, input, out);
    return out.map((effect) =>
      effect.type === "send-blocks"
        ? `${effect.firstBlock}+${effect.count}`
        : effect.type === "ended"
          ? `${effect.outcome}: ${effect.detail}`
          : `send ${effect.bytes[1]}`,
    );
  };
  const ack = (block: number, after?: number): unknown[] => give({ type: "datagram", bytes: encodePacket({ type: "ack", block }) }, after);
  /** Lets time run to the next deadline. */
  const wait = (): { readonly ms: number; readonly sent: unknown[] } => {
    const ms = (session.nextWakeAt() ?? now) - now;
    return { ms, sent: give(wake, ms) };
  };
  return { session, give, ack, wait };
}

t.test("lock-step to the empty block that ends an exact multiple", async (t) => {
  const { give, ack, session } = sending({ sizeBytes: 2000 });
  t.same(give({ type: "start" }), ["1+1"]);
  t.same(ack(1), ["2+1"]);
  t.same(ack(2), ["3+1"]);
  t.same(ack(3), ["complete: "]);
  t.equal(session.bytesDone, 2000);
  t.equal(session.nextWakeAt(), undefined);
});

t.test("Sorcerer's Apprentice: an ACK that says nothing new sends nothing", async (t) => {
  const { give, ack } = sending();
  give({ type: "start" });
  t.same(ack(1), ["2+1"]);
  t.same(ack(1), []);
  t.same(ack(0), []);
  t.same(ack(2), ["3+1"]);
  t.same(ack(1), [], "a late duplicate");
  t.same(ack(9), [], "a block that was never sent");
});

t.test("an OACK waits for its ACK, and is repeated", async (t) => {
  const { give, ack, wait } = sending({ oack: Uint8Array.of(0, 6) });
  t.same(give({ type: "start" }), ["send 6"]);
  t.same(wait(), { ms: 1000, sent: ["send 6"] });
  t.same(ack(1), []);
  t.same(ack(0), ["1+1"]);
  t.same(ack(0), []);
});

t.test("a window goes out whole, a hole is filled at once (RFC 7440 §4)", async (t) => {
  const { give, ack } = sending({ windowsize: 4 });
  t.same(give({ type: "start" }), ["1+4"]);
  t.same(ack(4), ["5+4"]);
  t.same(ack(6), ["7+4"], "7 was lost");
  t.same(ack(10), ["11+1"]);
  t.same(ack(11), ["complete: "]);
});

t.test("the loss of a window's first block is answered once, and not before a round trip", async (t) => {
  const { give, ack } = sending({ windowsize: 4, sizeBytes: 100_000 });
  give({ type: "start" });
  t.same(ack(4, 10), ["5+4"], "a round trip of 10 ms");
  t.same(ack(4, 1), [], "too early to be an answer: a duplicate");
  t.same(ack(4, 10), ["5+4"]);
  t.same(ack(4, 10), [], "once");
  t.same(ack(8, 1), ["9+4"]);
});

t.test("the time-out follows the round trips and doubles; a negotiated one is a floor", async (t) => {
  const lan = sending();
  lan.give({ type: "start" });
  lan.ack(1, 2);
  t.same(lan.wait(), { ms: 200, sent: ["2+1"] });
  t.same(lan.wait(), { ms: 400, sent: ["2+1"] });
  t.same(lan.ack(2, 1), ["3+1"]);
  t.equal(lan.wait().ms, 200, "progress ends the back-off");
  const slow = sending({ timeoutMs: 3000 });
  slow.give({ type: "start" });
  slow.ack(1, 2);
  t.equal(slow.wait().ms, 3000);
});

t.test("a peer that answers no repetition but its own time-out of 5 s is given the silence for it", async (t) => {
  const { give, wait, ack } = sending({ sizeBytes: 100_000 });
  give({ type: "start" });
  ack(1, 2);
  const waits: number[] = [];
  for (let time = 0; time < 10; time++) waits.push(wait().ms);
  t.same(waits, [200, 400, 500, 500, 500, 500, 500, 500, 500, 6000], "all before the peer is given up");
  const patient = sending({ sizeBytes: 100_000, timeoutMs: 4000 });
  patient.give({ type: "start" });
  patient.ack(1, 2);
  t.same(
    [patient.wait(), patient.wait(), patient.wait(), patient.wait()],
    [
      { ms: 4000, sent: ["2+1"] },
      { ms: 4000, sent: ["2+1"] },
      { ms: 8000, sent: ["2+1"] },
      { ms: 4000, sent: ["timeout: no answer: the ACK of block 2 is missing"] },
    ],
    "twice the time-out that it asked for, and a try after that",
  );
});

t.test("a peer that vanishes frees its slot; after the last block sooner", async (t) => {
  const vanished = sending({ sizeBytes: 100_000 });
  vanished.give({ type: "start" });
  vanished.ack(1);
  let waited = 0;
  for (;;) {
    const { ms, sent } = vanished.wait();
    waited += ms;
    if (sent[0] !== "2+1") {
      t.same(sent, ["timeout: no answer: the ACK of block 2 is missing"]);
      break;
    }
  }
  t.ok(waited >= 10_000 && waited < 20_000, `${waited} ms`);
  const last = sending({ sizeBytes: 1010 });
  last.give({ type: "start" });
  last.ack(1);
  for (let time = 0; time < 3; time++) t.same(last.wait().sent, ["2+1"]);
  t.same(last.wait().sent, ["timeout: no answer: the last ACK is missing"]);
});

t.test("a forged request draws no more than one answer, or three times its octets", async (t) => {
  const plain = sending();
  t.same(plain.give({ type: "start" }), ["1+1"], "what RFC 1350 leaves no choice about");
  t.same(plain.wait().sent, []);
  t.same(plain.give({ type: "repeated-request", requestBytes: 20 }), ["1+1"], "each request has its answer");
  t.same(plain.wait().sent, []);
  t.same(plain.wait().sent, ["timeout: no answer: the ACK of block 1 is missing"]);
  const options = sending({ requestBytes: 40, oack: Uint8Array.from({ length: 30 }, (_, index) => (index === 1 ? 6 : 0)) });
  const sent = [...options.give({ type: "start" })];
  let ms = 0;
  for (let guard = 0; guard < 20 && !String(sent.at(-1)).startsWith("timeout"); guard++) {
    const waited = options.wait();
    ms += waited.ms;
    sent.push(...waited.sent);
  }
  t.same(sent, ["send 6", "send 6", "send 6", "send 6", "timeout: no answer: the OACK's ACK is missing"]);
  t.equal(ms, 10_000);
});

t.test("in single-port mode an ACK 0 may be forged: the first window is repeated twice and no more", async (t) => {
  const { give, ack, wait } = sending({ singlePort: true, windowsize: 4, oack: Uint8Array.of(0, 6) });
  give({ type: "start" });
  t.same(ack(0), ["1+4"]);
  t.same([...wait().sent, ...wait().sent, ...wait().sent], ["1+4", "1+4"]);
  t.same(ack(4), ["5+4"], "who acknowledges it continues");
  t.same(wait().sent, ["5+4"]);
});

t.test("no time-out that a peer asks for holds the slot before its first ACK", async (t) => {
  const { give, wait } = sending({ timeoutMs: 255_000, oack: Uint8Array.of(0, 6), idleMsMax: 30_000 });
  give({ type: "start" });
  t.same(wait(), { ms: 10_000, sent: ["timeout: no answer: the OACK's ACK is missing"] });
});

t.test("a peer that only holds its slot loses it after a minute; our own rate cap is not its fault", async (t) => {
  const drip = (plan: Partial<SessionPlan>): number => {
    const { give, ack, session } = sending({ blksize: 8, sizeBytes: 100_000, idleMsMax: 30_000, ...plan });
    give({ type: "start" });
    let now = 0;
    for (let block = 1; now < 600_000 && session.nextWakeAt() !== undefined; block++) {
      for (let waited = 0; waited < 8000; waited += 400) give(wake, 400);
      now += 8000;
      ack(block, 0);
    }
    return now;
  };
  t.ok(drip({}) <= 80_000, "8 octets every 8 s");
  t.equal(drip({ rateBytesPerSecond: 1 }), 600_000);
});

t.test("a peer that acknowledges every block of a window does not have it sent again at each", async (t) => {
  const { give, ack } = sending({ windowsize: 4, sizeBytes: 1_000_000 });
  t.same(give({ type: "start" }), ["1+4"]);
  t.same(ack(1), ["2+4"], "it may be a hole");
  t.same(ack(2), ["6+1"], "it is a habit");
  t.same(ack(3), ["7+1"]);
  t.same(ack(6), ["7+4"], "a hole after all: more than one block at once");
});

t.test("a peer that is heard keeps its slot after the last block too, until it has been idle too long", async (t) => {
  const { give, ack, wait } = sending({ windowsize: 64, oack: Uint8Array.of(0, 6) });
  give({ type: "start" });
  t.same(ack(0), ["1+11"], "the whole file is one window");
  // Its first block is lost again and again: the peer repeats the ACK before it.
  for (let time = 0; time < 6; time++) {
    ack(0);
    t.same(wait().sent, ["1+11"]);
  }
  let waited = 0;
  for (;;) {
    ack(0, 0);
    const { ms, sent } = wait();
    waited += ms;
    if (sent[0] !== "1+11") {
      t.same(sent, ["timeout: no answer: the last ACK is missing"]);
      break;
    }
  }
  t.ok(waited < 10_000, "the peer's word alone is no progress");
});

t.test("numbers roll over at any windowsize", async (t) => {
  for (const windowsize of [1, 3, 64, 65_535]) {
    const { give, ack, session } = sending({ windowsize, blksize: 8, sizeBytes: 8 * 200_000 });
    let sent = give({ type: "start" });
    for (let guard = 0; guard < 300_000 && String(sent[0]).includes("+"); guard++) {
      const [first = 0, count = 0] = String(sent[0]).split("+").map(Number);
      sent = ack((first + count - 1) % 65_536);
    }
    t.same(sent, ["complete: "], `windowsize ${windowsize}`);
    t.equal(session.bytesDone, 8 * 200_000);
  }
});

t.test("5 GiB by arithmetic alone", async (t) => {
  const sizeBytes = 5 * 2 ** 30 + 1;
  const { give, ack, session } = sending({ windowsize: 65_535, blksize: 65_464, sizeBytes });
  give({ type: "start" });
  const last = Math.floor(sizeBytes / 65_464) + 1;
  t.same(ack(65_535), [`65536+${last - 65_535}`]);
  t.same(ack(last % 65_536), ["complete: "]);
  t.equal(session.bytesDone, sizeBytes);
});

t.test("a rate cap spreads a window out", async (t) => {
  const { give, wait } = sending({ windowsize: 8, rateBytesPerSecond: 100_000 });
  t.same(give({ type: "start" }), ["1+1"], "10 ms' worth");
  t.same(wait(), { ms: 10, sent: ["2+1"] });
  t.same(give({ type: "rate", bytesPerSecond: undefined }), []);
  t.same(wait().sent, ["3+6"]);
});

t.test("what ends a session", async (t) => {
  const peerError = sending();
  peerError.give({ type: "start" });
  const bytes = encodePacket({ type: "error", code: 3, message: "disk full\u0007" });
  t.same(peerError.give({ type: "datagram", bytes }), ["peer-error: peer's error 3: disk full?"]);
  t.same(peerError.ack(1), []);
  const withdrawn = sending();
  withdrawn.give({ type: "start" });
  t.same(withdrawn.give({ type: "withdrawn", detail: "gone" }), ["send 5", "withdrawn: gone"]);
  const noise = sending();
  noise.give({ type: "start" });
  for (const octets of [[], [0], [0, 4], [0, 4, 0], [0, 3, 0, 1], [0, 1, 65], [9, 9, 9, 9]]) {
    t.same(noise.give({ type: "datagram", bytes: Uint8Array.from(octets) }), [], `${octets}`);
  }
});

t.test("a repeated request repeats the first answer, not a transfer under way; a new start ends a stale one", async (t) => {
  const { give, ack } = sending();
  give({ type: "start" });
  t.same(give({ type: "repeated-request", requestBytes: 20 }, 1), [], "a duplicate made by the network");
  t.same(give({ type: "repeated-request", requestBytes: 20 }, 500), ["1+1"]);
  ack(1);
  t.same(give({ type: "repeated-request", requestBytes: 20 }, 1), []);
  t.same(give({ type: "repeated-request", requestBytes: 20 }, 1500), ["superseded: the peer asked again from the same port"]);
});

/** What a host does between a `streamable` and its `streamed`, for ACKs of whole windows that come `everyMs`. */
function stream(session: SendSession, windowsize: number, windows: number, now: number, everyMs: number): string[] {
  const { streamable } = session;
  if (streamable === undefined) throw new Error("not streamable");
  const sent: string[] = [];
  let { next, sentAt } = streamable;
  let base = next;
  const roundTripsMs: number[] = [];
  for (let count = 0; count < windows && next < streamable.end; count++) {
    if (sentAt !== undefined) roundTripsMs.push(now + count * everyMs - sentAt);
    sentAt = now + count * everyMs;
    base = next;
    next = Math.min(streamable.end, next + windowsize);
    sent.push(`${base}+${next - base}`);
  }
  const out: SessionEffect[] = [];
  if (sentAt !== undefined && sent.length > 0) session.step(sentAt, { type: "streamed", base, next, sentAt, roundTripsMs }, out);
  t.same(out, [], "a `streamed` asks for nothing");
  return sent;
}

t.test("a host that continues alone sends what it would have been told, whatever comes before and after", async (t) => {
  for (let seed = 0; seed < 100; seed++) {
    const prng = new Prng(seed);
    const windowsize = 1 + prng.below(9);
    const plan = { windowsize, blksize: 8, sizeBytes: prng.below(8 * 200), oack: Uint8Array.of(0, 6) };
    const [asked, alone] = [sending(plan).session, sending(plan).session];
    let now = 0;
    const both = (input: SessionInput): SessionEffect[] => {
      const [one, other]: [SessionEffect[], SessionEffect[]] = [[], []];
      asked.step(now, input, one);
      alone.step(now, input, other);
      t.same(other, one, `seed ${seed}: the same effects of ${input.type}`);
      return one;
    };
    const ack = (block: number): SessionInput => ({ type: "datagram", bytes: encodePacket({ type: "ack", block: wireBlock(block) }) });
    let effects = both({ type: "start" });
    for (let turn = 0; turn < 200 && effects.at(-1)?.type !== "ended"; turn++) {
      const { streamable } = asked;
      const choice = prng.below(6);
      if (streamable === undefined) {
        now += 2;
        effects = both(choice === 0 ? wake : ack(0));
      } else if (choice < 3) {
        const windows = 1 + prng.below(5);
        const went = stream(alone, windowsize, windows, now + 2, 2);
        const told: string[] = [];
        for (const _ of went) {
          now += 2;
          const out: SessionEffect[] = [];
          asked.step(now, ack((asked.streamable?.next ?? 0) - 1), out);
          told.push(...out.map((effect) => (effect.type === "send-blocks" ? `${effect.firstBlock}+${effect.count}` : effect.type)));
        }
        t.same(went, told, `seed ${seed}: the same windows`);
        if (went.length === 0) {
          now += 2;
          effects = both(ack(streamable.next - 1));
        }
      } else {
        // A hole, an ACK again, one from before or after, or nothing at all.
        now = choice === 5 ? Math.max(now, asked.nextWakeAt() ?? now) : now + 1 + prng.below(5);
        effects = both(choice === 5 ? wake : ack(Math.max(0, streamable.next - 1 - prng.below(2 * windowsize + 2))));
      }
      t.equal(alone.bytesDone, asked.bytesDone);
      t.equal(alone.nextWakeAt(), asked.nextWakeAt(), `seed ${seed}: the same deadline`);
    }
    t.equal(effects.at(-1)?.type, "ended", `seed ${seed}: to the end`);
  }
});

t.test("nothing is streamed before the OACK's ACK, under a rate, or after the end", async (t) => {
  const offering = sending({ oack: Uint8Array.of(0, 6), sizeBytes: 10 });
  offering.give({ type: "start" });
  t.equal(offering.session.streamable, undefined);
  offering.ack(0);
  t.match(offering.session.streamable, { next: 2, end: 2 });
  offering.ack(1);
  t.equal(offering.session.streamable, undefined);
  const capped = sending({ windowsize: 8, rateBytesPerSecond: 100_000 });
  capped.give({ type: "start" });
  t.equal(capped.session.streamable, undefined);
});
