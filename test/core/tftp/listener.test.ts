/** Who is admitted and who is refused. */
import t from "tap";
import type { Endpoint } from "../../../src/base/endpoint.js";
import { wake } from "../../../src/base/machine.js";
import { defaultServerSettings } from "../../../src/core/tftp/defaults.js";
import type { ServerSettings } from "../../../src/core/tftp/server/contract.js";
import { type ListenerEffect, type ListenerInput, TftpListener } from "../../../src/core/tftp/server/listener.js";
import { decodePacket, encodePacket, type Option, type TftpPacket } from "../../../src/wire/tftp/packet.js";

const peer = (port: number, address = "10.0.0.9"): Endpoint => ({ address, port });

function listening(settings: Partial<ServerSettings> = {}) {
  const machine = new TftpListener({ ...defaultServerSettings, ...settings });
  let now = 1000;
  const give = (input: ListenerInput, after = 0): ListenerEffect[] => {
    now += after;
    const out: ListenerEffect[] = [];
    machine.step(now, input, out);
    return out;
  };
  const datagram = (from: Endpoint, packet: TftpPacket | Uint8Array, local = "10.0.0.1"): ListenerEffect[] =>
    give({ type: "request", from, local, bytes: packet instanceof Uint8Array ? packet : encodePacket(packet) });
  const ask = (from: Endpoint, options: Option[] = [], fileName = "image", mode = "octet") =>
    datagram(from, { type: "read-request", fileName, mode, options });
  give({ type: "offer", fileName: "image", sizeBytes: 100_000 });
  return { machine, give, datagram, ask };
}

const replies = (effects: ListenerEffect[]): unknown[] =>
  effects.flatMap((effect) => {
    if (effect.type !== "reply") return [];
    const decoded = decodePacket(effect.bytes);
    return decoded.ok && decoded.packet.type === "error" ? [`${decoded.packet.code} ${decoded.packet.message}`] : [];
  });
const plans = (effects: ListenerEffect[]) => effects.flatMap((effect) => (effect.type === "open-session" ? [effect.plan] : []));

t.test("what is not served gets an ERROR that says why", async (t) => {
  const { ask, datagram } = listening();
  t.same(replies(ask(peer(1), [], "image", "netascii")), ["4 mode netascii is not served, use octet"]);
  t.same(replies(ask(peer(1), [], "image", "Mail")), ["4 mode mail is not served, use octet"]);
  t.same(replies(ask(peer(1), [], "image", "x")), ["4 unknown mode, use octet"]);
  t.same(replies(ask(peer(1), [], "../etc/passwd")), ["1 file not found"]);
  t.same(replies(datagram(peer(1), { type: "write-request", fileName: "image", mode: "octet", options: [] })), [
    "2 this server is read only",
  ]);
  t.same(replies(datagram(peer(1), { type: "ack", block: 1 })), ["5 unknown transfer ID"]);
  t.same(replies(datagram(peer(1), { type: "data", block: 1, payload: new Uint8Array(9) })), ["5 unknown transfer ID"]);
  t.same(datagram(peer(1), { type: "error", code: 0, message: "" }), [], "an ERROR is never answered");
  t.same(replies(datagram(peer(1), Uint8Array.of(0, 1, 65))), ["4 unreadable request: text without its closing NUL"]);
});

t.test("options are granted as far as they are known and fit", async (t) => {
  const { ask } = listening({ windowBytesMax: 100_000 });
  const [plan] = plans(
    ask(peer(1), [
      { name: "BLKSIZE", value: "1428" },
      { name: "windowsize", value: "65535" },
      { name: "tsize", value: "0" },
      { name: "timeout", value: "3" },
      { name: "multicast", value: "" },
      { name: "rollover", value: "1" },
    ]),
  );
  const oack = decodePacket(plan?.oack ?? new Uint8Array());
  t.same(oack.ok && oack.packet, {
    type: "oack",
    options: [
      { name: "blksize", value: "1428" },
      { name: "tsize", value: "100000" },
      { name: "timeout", value: "3" },
      { name: "windowsize", value: "69" },
    ],
  });
  t.match(plan, { blksize: 1428, windowsize: 69, timeoutMs: 3000 });
  const [plain] = plans(ask(peer(2), [{ name: "blksize", value: "nonsense" }]));
  t.match(plain, { blksize: 512, windowsize: 1, oack: undefined }, "nothing that we know: plain RFC 1350");
});

t.test("the fourth is refused at once, and a free slot is used again", async (t) => {
  const { ask, give, machine } = listening();
  const sessions = [1, 2, 3].flatMap((port) => plans(ask(peer(port))));
  t.equal(sessions.length, 3);
  t.same(replies(ask(peer(4))), ["0 busy: all 3 sessions are in use, try again later"]);
  t.same(plans(ask(peer(1))), [], "a repeated request of a running session takes no slot");
  t.equal(machine.serving().refusals, 1);
  give({ type: "session-ended", session: sessions[1]?.session ?? 0, outcome: "timeout", bytesDone: 1428 });
  t.equal(plans(ask(peer(4))).length, 1);
  t.match(machine.serving(), { bytesServed: 1428, sessionsFailed: 1, sessionsComplete: 0 });
});

t.test("a repeated request joins its session; another address of ours is another session", async (t) => {
  const { ask, datagram } = listening();
  const [first] = plans(ask(peer(1)));
  t.match(ask(peer(1)), [{ type: "session-input", session: first?.session, input: { type: "repeated-request" } }]);
  const request: TftpPacket = { type: "read-request", fileName: "image", mode: "octet", options: [] };
  t.equal(plans(datagram(peer(1), request, "10.0.1.1"))[0]?.local, "10.0.1.1");
});

t.test("in single-port mode the peer's datagrams reach its session through the listening port", async (t) => {
  const { ask, datagram } = listening({ singlePort: true });
  const [plan] = plans(ask(peer(1)));
  t.equal(plan?.singlePort, true);
  const greedy = [
    { name: "blksize", value: "65464" },
    { name: "windowsize", value: "65535" },
  ];
  t.match(plans(ask(peer(3), greedy)), [{ blksize: 1428, windowsize: 8 }], "its first window answers an ACK that may be forged");
  t.match(datagram(peer(1), { type: "ack", block: 0 }), [{ type: "session-input", session: plan?.session, input: { type: "datagram" } }]);
  t.same(replies(datagram(peer(2), { type: "ack", block: 0 })), ["5 unknown transfer ID"]);
});

t.test("requests of one address are limited, another address is not touched by it", async (t) => {
  const { ask, give, machine } = listening({ requestsPerSecondMax: 10 });
  const answered = Array.from({ length: 50 }, (_, port) => replies(ask(peer(port), [], "none"))).filter(({ length }) => length > 0);
  t.equal(answered.length, 20, "a burst of two seconds' worth");
  t.equal(machine.serving().datagramsDropped, 30);
  t.equal(replies(ask(peer(1, "10.0.0.10"), [], "none")).length, 1);
  give(wake, 500);
  t.equal(Array.from({ length: 50 }, (_, port) => replies(ask(peer(port), [], "none"))).filter(({ length }) => length > 0).length, 5);
});

t.test("another request from the same port is another transfer, at once", async (t) => {
  const { ask, give, datagram } = listening({ sessionsMax: 1 });
  give({ type: "offer", fileName: "other", sizeBytes: 7 });
  const [first] = plans(ask(peer(1)));
  for (const noise of [Uint8Array.of(0, 1, 65), Uint8Array.of(0, 2, 65, 0, 65, 0)])
    t.match(datagram(peer(1), noise), [{ type: "reply" }], "only a request that can be read ends a transfer");
  t.match(ask(peer(1), [], "other"), [{ type: "session-input", session: first?.session, input: { type: "superseded" } }]);
  t.same(ask(peer(1), [], "other"), [], "it is ending, and the cap holds until it has ended");
  const [second] = plans(give({ type: "session-ended", session: first?.session ?? 0, outcome: "superseded", bytesDone: 0 }));
  t.match(second, { fileName: "other", sizeBytes: 7 });
  const smaller = [{ name: "blksize", value: "1024" }];
  t.match(
    ask(peer(1), smaller, "other"),
    [{ session: second?.session, input: { type: "superseded" } }],
    "other options are another transfer too",
  );
  const [third] = plans(give({ type: "session-ended", session: second?.session ?? 0, outcome: "superseded", bytesDone: 0 }));
  t.match(third, { fileName: "other", blksize: 1024 });
  t.match(ask(peer(1), smaller, "other"), [{ session: third?.session, input: { type: "repeated-request" } }]);
  ask(peer(1));
  t.same(give(wake, 250), [], "a session that does not end");
  t.same(plans(give({ type: "session-ended", session: third?.session ?? 0, outcome: "superseded", bytesDone: 0 })), []);
});

t.test("a request that comes while a session waits for its last ACK waits for its end", async (t) => {
  const { ask, give, machine } = listening({ sessionsMax: 1 });
  const session = plans(ask(peer(1)))[0]?.session ?? 0;
  t.same(replies(ask(peer(2))), ["0 busy: all 1 sessions are in use, try again later"]);
  give({ type: "session-progress", session, progress: { bytesDone: 99_500, isProven: true, isAllSent: true } });
  t.same(ask(peer(2)), []);
  t.same(replies(give(wake, 249)), []);
  t.same(replies(give(wake, 1)), ["0 busy: all 1 sessions are in use, try again later"], "but not for long");
  t.same(ask(peer(2)), []);
  t.match(ask(peer(1)), [{ type: "session-input", session, input: { type: "repeated-request" } }]);
  const ended = give({ type: "session-ended", session, outcome: "complete", bytesDone: 100_000 });
  t.match(plans(ended), [{ peer: peer(2) }]);
  t.same(plans(give(wake, 250)), [], "the other asked for what it has, and its slot is another's now");
  t.equal(machine.serving().sessions.length, 1);
});

t.test("an address that holds several slots without an answer gives one up for an address that has none", async (t) => {
  const { ask, give } = listening();
  const sessions = [1, 2, 3].flatMap((port) => plans(ask(peer(port)))).map(({ session }) => session);
  t.match(replies(ask(peer(1, "10.0.0.12"))), [/^0 busy/], "their first ACKs may be on the way");
  give(wake, 250);
  t.match(replies(ask(peer(4))), [/^0 busy/], "the same address gains nothing");
  const other = peer(1, "10.0.0.10");
  t.match(ask(other), [{ type: "session-input", session: sessions[2], input: { type: "withdrawn", detail: /^busy: all 3/ } }]);
  t.match(plans(give({ type: "session-ended", session: sessions[2] ?? 0, outcome: "withdrawn", bytesDone: 0 })), [{ peer: other }]);
  for (const session of sessions.slice(0, 2))
    give({ type: "session-progress", session, progress: { bytesDone: 512, isProven: true, isAllSent: false } });
  t.match(
    ask(peer(1, "10.0.0.11")),
    [{ type: "session-input", session: sessions[1], input: { type: "withdrawn" } }],
    "the newest, even if its peer does receive: one slot an address while others wait",
  );
  t.match(plans(give({ type: "session-ended", session: sessions[1] ?? 0, outcome: "withdrawn", bytesDone: 512 })), [
    { peer: peer(1, "10.0.0.11") },
  ]);
  t.match(replies(ask(peer(1, "10.0.0.12"))), [/^0 busy/], "addresses with one slot each keep it");
});

t.test("slots are for members before anyone else", async (t) => {
  const { ask, give } = listening();
  const [member, stranger] = [peer(1, "10.0.0.20"), peer(1, "10.0.0.30")];
  const strangers = ["10.0.0.10", "10.0.0.11", "10.0.0.12"]
    .flatMap((address) => plans(ask(peer(1, address))))
    .map(({ session }) => session);
  for (const session of strangers)
    give({ type: "session-progress", session, progress: { bytesDone: 512, isProven: true, isAllSent: false } });
  t.match(replies(ask(member)), [/^0 busy/], "nobody is a member yet");
  give({ type: "keep-slots", addresses: ["10.0.0.20", "10.0.0.21"] });
  t.match(ask(member), [{ session: strangers[2], input: { type: "withdrawn", detail: /^busy/ } }]);
  t.match(plans(give({ type: "session-ended", session: strangers[2] ?? 0, outcome: "withdrawn", bytesDone: 512 })), [{ peer: member }]);
  t.match(replies(ask(stranger)), [/^0 busy/], "a stranger takes no member's slot");
  t.match(ask(peer(1, "10.0.0.21")), [{ session: strangers[1], input: { type: "withdrawn" } }]);
  give({ type: "session-ended", session: strangers[1] ?? 0, outcome: "withdrawn", bytesDone: 512 });
  give({ type: "keep-slots", addresses: [] });
  t.match(replies(ask(peer(1, "10.0.0.22"))), [/^0 busy/], "one slot each");
});

t.test("members may make more requests a second than others, within bounds", async (t) => {
  const answers = (address: string, members: readonly string[]): number => {
    const { ask, give } = listening({ requestsPerSecondMax: 5 });
    give({ type: "keep-slots", addresses: members });
    return Array.from({ length: 1_000 }, (_, port) => ask(peer(port + 1, address), [], "none")).filter((out) => out.length > 0).length;
  };
  t.equal(answers("10.0.0.20", []), 10);
  t.equal(answers("10.0.0.20", ["10.0.0.20"]), 200);
});

t.test("a peer that acknowledges nothing for ten seconds gives its slot up to whoever asks", async (t) => {
  const { ask, give } = listening({ sessionsMax: 1 });
  const session = plans(ask(peer(1)))[0]?.session ?? 0;
  give(wake, 9_999);
  t.match(replies(ask(peer(2))), [/^0 busy/]);
  give(wake, 1);
  t.match(ask(peer(2)), [{ type: "session-input", session, input: { type: "withdrawn" } }]);
});

t.test("a name that was not offered is looked up where the host does that", async (t) => {
  const { ask, give } = listening({ looksUp: true, sessionsMax: 1 });
  const [first] = ask(peer(1), [], "new");
  t.match(first, { type: "look-up", lookUp: 1, fileName: "new" });
  t.same(ask(peer(1), [], "new"), [], "a repetition waits with it");
  t.match(plans(give({ type: "file-found", lookUp: 1, sizeBytes: 5 })), [{ peer: peer(1), lookUp: 1, sizeBytes: 5 }]);
  t.match(replies(ask(peer(2), [], "new")), [/^0 busy/], "no file is opened for a peer that cannot be served");
  give({ type: "session-ended", session: 1, outcome: "complete", bytesDone: 5 });
  ask(peer(3), [], "none");
  t.same(replies(give({ type: "file-missing", lookUp: 2, code: 1, message: "file not found" })), ["1 file not found"]);
  ask(peer(4), [], "one");
  ask(peer(4), [], "two");
  t.match(give({ type: "file-found", lookUp: 3, sizeBytes: 1 }), [{ type: "forget-file", lookUp: 3 }], "the peer wants another by now");
  ask(peer(5), [], "two");
  give({ type: "file-found", lookUp: 4, sizeBytes: 1 });
  const late = give({ type: "file-found", lookUp: 5, sizeBytes: 1 });
  t.match(late[0], { type: "forget-file", lookUp: 5 });
  t.match(replies(late), [/^0 busy/]);
});

t.test("a total rate is shared evenly", async (t) => {
  const { ask, give } = listening({ rateBytesPerSecond: 9000, sessionRateBytesPerSecond: 8000 });
  const [first] = plans(ask(peer(1)));
  t.equal(first?.rateBytesPerSecond, 8000);
  const second = ask(peer(2));
  t.equal(plans(second)[0]?.rateBytesPerSecond, 4500);
  t.match(second, [{ type: "session-input", session: first?.session, input: { type: "rate", bytesPerSecond: 4500 } }]);
  t.match(give({ type: "session-ended", session: 2, outcome: "complete", bytesDone: 1 }), [
    { type: "session-input", session: 1, input: { type: "rate", bytesPerSecond: 8000 } },
  ]);
});

t.test("a limit that comes later holds at once, beside the server's own", async (t) => {
  const { ask, give } = listening({ rateBytesPerSecond: 9000 });
  ask(peer(1));
  const rate = (bytesPerSecond: number) => ({ type: "session-input", session: 1, input: { type: "rate", bytesPerSecond } }) as const;
  t.same(give({ type: "rate-max", bytesPerSecond: 5000 }), [rate(5000)]);
  t.same(give({ type: "rate-max", bytesPerSecond: 5000 }), [], "nothing new");
  t.equal(plans(ask(peer(2)))[0]?.rateBytesPerSecond, 2500);
  t.match(give({ type: "session-ended", session: 2, outcome: "complete", bytesDone: 1 }), [rate(5000)]);
  t.same(give({ type: "rate-max", bytesPerSecond: 20_000 }), [rate(9000)], "the lower one counts");
  t.same(give({ type: "rate-max", bytesPerSecond: undefined }), []);
});

t.test("a withdrawn file is gone at once, with its sessions; so is everything after stop", async (t) => {
  const { ask, give } = listening();
  ask(peer(1));
  t.match(give({ type: "withdraw", fileName: "image" }), [{ type: "session-input", session: 1, input: { type: "withdrawn" } }]);
  t.same(replies(ask(peer(2))), ["1 file not found"]);
  give({ type: "stop" });
  t.same(ask(peer(3)), []);
});

t.test("a request for a file that is due waits for it, then its peer is told to ask again", async (t) => {
  const { ask, give, machine } = listening();
  give({ type: "expect", fileNames: ["soon", "later"] });
  t.same(ask(peer(1), [], "soon"), [], "no answer yet");
  t.same(ask(peer(1), [], "soon"), [], "nor to its repetition");
  t.same(ask(peer(2), [], "later"), []);
  t.match(plans(give({ type: "offer", fileName: "soon", sizeBytes: 10 }, 1000)), [{ fileName: "soon", peer: { port: 1 } }]);
  t.ok(machine.nextWakeAt() !== undefined, "the other one is not forgotten");
  t.same(replies(give({ type: "wake" }, 499)), []);
  t.same(replies(give({ type: "wake" }, 1)), ["0 not yet: the file is still coming in, ask again"]);
  t.same(ask(peer(3), [], "later"), []);
  t.same(replies(give({ type: "expect", fileNames: [] })), ["1 file not found"], "it will not come");
  t.same(replies(ask(peer(4), [], "later")), ["1 file not found"]);
});

t.test("requests that wait for files are bounded", async (t) => {
  const { ask, give, machine } = listening({ requestsPerSecondMax: 1000 });
  give({ type: "expect", fileNames: ["soon"] });
  for (let port = 1; port <= 70; port++) t.same(ask(peer(port), [], "soon"), []);
  t.equal(machine.serving().datagramsDropped, 6);
});
