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
  t.same(datagram(peer(1), Uint8Array.of(0, 1, 65)), [], "a damaged request is asked again by its sender");
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

t.test("a withdrawn file is gone at once, with its sessions; so is everything after stop", async (t) => {
  const { ask, give } = listening();
  ask(peer(1));
  t.match(give({ type: "withdraw", fileName: "image" }), [{ type: "session-input", session: 1, input: { type: "withdrawn" } }]);
  t.same(replies(ask(peer(2))), ["1 file not found"]);
  give({ type: "stop" });
  t.same(ask(peer(3)), []);
});
