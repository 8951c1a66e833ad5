/** Who gets a session, and whose session ends for it: what anybody can claim in one datagram against what a WTP proves. */
import t from "tap";
import type { AcOutput } from "../../../../src/core/capwap/ac/ac-contract.js";
import { AcBench, eventsIn, findEvent } from "../../../support/ac-bench.js";
import { inShort, sentIn } from "../../../support/capwap-messages.js";
import { accepting, wtpEndpoint, wtpSelf } from "../../../support/capwap-world.js";

const elsewhere = { address: "192.0.2.66", port: 5_000 };
const otherId = new Uint8Array(16).fill(99);
const answers = (out: readonly AcOutput<string>[]): string => sentIn(out).map(inShort).join();

t.test("a Join Request ends no session, from wherever it claims to come", async (t) => {
  for (const speaksToken of [true, false]) {
    const bench = new AcBench();
    bench.speaksToken = speaksToken;
    bench.to("run");
    const next = bench.sequence;
    t.same(eventsIn(bench.join(0, otherId, elsewhere)), ["joined"], "its MAC address from elsewhere");
    t.same(eventsIn(bench.join(1, new Uint8Array(16).fill(98), bench.peer)), ["joined"], "another from its address and port");
    bench.sequence = next;
    bench.speaksToken = false;
    t.equal(answers(bench.ask("echoRequest")), speaksToken ? "" : "echoResponse");
  }
});

t.test("a WTP that has restarted at its address and port replaces its session once it has shown the token", async (t) => {
  const bench = new AcBench().to("run");
  t.same(eventsIn(bench.join(0, otherId)), ["joined"]);
  const out = bench.ask("configurationStatusRequest");
  t.same(eventsIn(out), ["left"]);
  t.equal(findEvent(out, "left")?.reason, "replaced");
  t.equal(answers(out), "configurationStatusResponse");
  t.same(eventsIn(bench.ask("changeStateEventRequest")), ["running"]);
  t.equal(bench.ac.sessionCount, 1);
});

t.test("at another address it is let in when the old session has stayed silent", async (t) => {
  const bench = new AcBench().to("run");
  bench.sequence = 0;
  bench.join(0, otherId, elsewhere);
  const first = bench.ask("configurationStatusRequest", elsewhere);
  t.equal(answers(first), "configurationUpdateRequest", "the old one is asked for a sign of life");
  t.same(eventsIn(first), ["dropped repeat-while-busy"]);
  bench.sequence = 1;
  bench.now = 3_000;
  t.same(eventsIn(bench.ask("configurationStatusRequest", elsewhere)), ["dropped repeat-while-busy"]);
  bench.sequence = 1;
  bench.now = 9_000;
  const out = bench.ask("configurationStatusRequest", elsewhere);
  t.equal(findEvent(out, "left")?.reason, "replaced");
  t.equal(answers(out), "configurationStatusResponse");
});

t.test("and refused when the old one lives", async (t) => {
  const bench = new AcBench().to("run");
  const next = bench.sequence;
  bench.sequence = 0;
  bench.join(0, otherId, elsewhere);
  bench.ask("configurationStatusRequest", elsewhere);
  bench.now = 1_000;
  bench.sequence = next;
  t.equal(answers(bench.ask("echoRequest")), "echoResponse");
  bench.sequence = 1;
  bench.now = 3_000;
  const out = bench.ask("configurationStatusRequest", elsewhere);
  t.equal(answers(out), "configurationStatusResponse 3");
  t.equal(findEvent(out, "left")?.reason, "refused");
  t.equal(bench.ac.sessionCount, 1);
});

t.test("a WTP without session token never replaces one that has it", async (t) => {
  const bench = new AcBench().to("run");
  bench.speaksToken = false;
  bench.sequence = 0;
  bench.join(0, otherId, elsewhere);
  t.equal(answers(bench.ask("configurationStatusRequest", elsewhere)), "configurationStatusResponse 3");
  bench.sequence = 0;
  bench.join(0, otherId);
  t.equal(answers(bench.ask("configurationStatusRequest")), "configurationStatusResponse 3", "nor from its own address");
  t.equal(bench.ac.sessionCount, 1);
});

t.test("in a session with token, a request without it is dropped", async (t) => {
  const bench = new AcBench().to("run");
  bench.speaksToken = false;
  t.same(eventsIn(bench.ask("wtpEventRequest")), ["dropped wrong-token"]);
});

t.test("a flood of Join Requests keeps nobody out, and is not kept", async (t) => {
  const bench = new AcBench({ sessionsMax: 100 });
  const forged = (count: number, address: string) => {
    for (let index = 0; index < count; index++) {
      const sessionId = Uint8Array.from({ length: 16 }, (_, at) => (index >> (4 * at)) & 15);
      bench.sequence = 0;
      bench.join(index + 1_000, sessionId, { address, port: 1 + index });
    }
  };
  forged(6_000, "198.51.100.1");
  t.equal(bench.ac.sessionCount, 1_024);
  bench.sequence = 0;
  bench.join(0);
  forged(6_000, "198.51.100.1");
  bench.sequence = 1;
  t.equal(answers(bench.ask("configurationStatusRequest")), "configurationStatusResponse", "those of the crowded network went");
  t.same(eventsIn(bench.ask("changeStateEventRequest")), ["running"]);
});

t.test("WTPs without session token take few places of one network, and give them to members", async (t) => {
  const members = new Set<string>();
  const bench = new AcBench({ sessionsMax: 64 }, { ...accepting, admits: ({ mac }) => ({ resultCode: 0, isMember: members.has(mac) }) });
  const comes = (index: number, from = wtpEndpoint(index)): string => {
    bench.sequence = 0;
    const joined = answers(
      bench.join(
        index,
        Uint8Array.from({ length: 16 }, (_, at) => (index >> (4 * at)) & 15),
        from,
      ),
    );
    return joined === "joinResponse" || joined === "joinResponse 2" ? answers(bench.ask("configurationStatusRequest", from)) : joined;
  };
  bench.speaksToken = false;
  for (let index = 1; index <= 64; index++) t.equal(comes(index, { address: "198.51.100.1", port: index }), "configurationStatusResponse");
  t.equal(comes(65, { address: "198.51.100.2", port: 1 }), "configurationStatusResponse 4", "no more of this network");
  t.equal(comes(66), "configurationStatusResponse 4", "nor without token where all places are taken");
  members.add(wtpSelf(67).mac);
  t.equal(comes(67), "configurationStatusResponse", "a member");
  bench.speaksToken = true;
  t.equal(comes(68), "configurationStatusResponse", "one with token");
});

t.test("at most three times what came goes to an address that has proved nothing", async (t) => {
  const bench = new AcBench();
  bench.speaksToken = false;
  const join = bench.join();
  const wanted = bench.give({
    type: "imageDataRequest",
    sequence: bench.sequence++,
    elements: {
      imageIdentifier: { vendor: 32473, name: "9.9" },
      initiateDownload: {},
      fastOffer: { transferId: 7, resumeOffset: 0, sha256: new Uint8Array(32), windowBytes: 1 << 24, datagramBytesMax: 65_000 },
    },
  });
  const session = findEvent(wanted, "image-wanted")?.session ?? -1;
  const out = [...join, ...wanted];
  const answer = { type: "transfer", sha256: "i", sizeBytes: 1 << 20, md5: new Uint8Array(16) } as const;
  out.push(...bench.act((more) => bench.ac.answerImage(0, session, answer, more)));
  for (let at = bench.ac.nextWakeAt(); at !== undefined; at = bench.ac.nextWakeAt()) out.push(...bench.wakeAt(at));
  const sent = out.reduce((sum, output) => sum + (output.type === "send" ? output.bytes.length + (output.image?.length ?? 0) : 0), 0);
  const received = bench.bytesReceived;
  t.ok(sent > received, `${sent} bytes for ${received}: a block goes out`);
  t.ok(sent <= 3 * received, `${sent} bytes for ${received}`);
});
