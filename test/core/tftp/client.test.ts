/** The client against hand-written servers. */
import t from "tap";
import type { Endpoint } from "../../../src/base/endpoint.js";
import { wake } from "../../../src/base/machine.js";
import { TftpClient } from "../../../src/core/tftp/client/client.js";
import type { ClientEffect, ClientInput, ClientRequest, ClientSettings } from "../../../src/core/tftp/client/contract.js";
import { defaultClientSettings } from "../../../src/core/tftp/defaults.js";
import { decodePacket, encodePacket, type TftpPacket } from "../../../src/wire/tftp/packet.js";

const server: Endpoint = { address: "10.0.0.1", port: 69 };
const transfer: Endpoint = { address: "10.0.0.1", port: 3001 };

function fetching(
  request: Partial<ClientRequest> = {},
  settings: Partial<ClientSettings> = {},
  writes: "at once" | "later" = "at once",
  start: ClientInput = { type: "start" },
) {
  const client = new TftpClient(
    { server, fileName: "image", blksize: 512, windowsize: 1, timeoutSeconds: undefined, sizeBytes: undefined, ...request },
    { ...defaultClientSettings, ...settings },
  );
  let now = 0;
  let bytesWritten = 0;
  const give = (input: ClientInput, after = 1): string[] => {
    now += after;
    const out: ClientEffect[] = [];
    client.step(now, input, out);
    const words = out.map((effect) => {
      switch (effect.type) {
        case "send": {
          const decoded = decodePacket(effect.bytes);
          const packet = decoded.ok ? decoded.packet : undefined;
          if (packet?.type === "read-request")
            return `ask ${packet.options.map(({ name, value }) => `${name} ${value}`).join(", ") || "nothing"}`;
          const what = packet?.type === "ack" ? `ack ${packet.block}` : packet?.type === "error" ? `error ${packet.code}` : packet?.type;
          return effect.to.port === transfer.port || effect.to.port === server.port
            ? `${what}`
            : `${what} to ${effect.to.address}:${effect.to.port}`;
        }
        case "write":
          bytesWritten = effect.offset + effect.bytes.length;
          return `write ${effect.offset}+${effect.bytes.length}`;
        case "ended":
          return `${effect.outcome}: ${effect.detail}`;
        default:
          return effect.type;
      }
    });
    return writes === "at once" && words.some((word) => word.startsWith("write"))
      ? [...words, ...give({ type: "written", bytesWritten }, 0)]
      : words;
  };
  const packet = (packet: TftpPacket, from = transfer, after?: number): string[] =>
    give({ type: "datagram", from, bytes: encodePacket(packet) }, after);
  const data = (block: number, length = 512, from = transfer, after?: number): string[] =>
    packet({ type: "data", block, payload: new Uint8Array(length) }, from, after);
  const oack = (options: Record<string, string>, from = transfer): string[] =>
    packet({ type: "oack", options: Object.entries(options).map(([name, value]) => ({ name, value })) }, from);
  const wait = (): { readonly ms: number; readonly sent: string[] } => {
    const ms = (client.nextWakeAt() ?? now) - now;
    return { ms, sent: give(wake, ms) };
  };
  const begun = give(start);
  return { begun, client, give, packet, data, oack, wait };
}

t.test("a server without options: RFC 1350", async (t) => {
  const { data, wait } = fetching({ windowsize: 16, blksize: 1428 });
  t.same(data(1), ["write 0+512", "ack 1"]);
  t.same(data(2, 100), ["write 512+100", "ack 2", "complete: "]);
  t.same(data(2, 100), [], "our ACK and the repetition crossed");
  t.same(data(2, 100, transfer, 1000), ["ack 2"], "dally: the last ACK was lost");
  t.same(wait().sent, ["close"]);
});

t.test("no reply counts but from the asked address, and then from one port alone", async (t) => {
  const { data, packet } = fetching();
  const foreign = { address: "10.0.0.66", port: 69 };
  t.same(data(1, 512, foreign), ["error 5"]);
  t.same(packet({ type: "error", code: 0, message: "busy" }, foreign), [], "not even its ERROR");
  data(1);
  t.same(data(2, 512, { address: "10.0.0.1", port: 3002 }), ["error 5 to 10.0.0.1:3002"]);
  t.same(packet({ type: "error", code: 1, message: "" }, { address: "10.0.0.1", port: 3002 }), []);
  t.same(data(2), ["write 512+512", "ack 2"]);
});

t.test("no window is asked for that would overrun the receive buffer", async (t) => {
  const asked = (blksize: number, windowsize: number, receiveBufferBytes: number): string[] =>
    fetching({ blksize, windowsize }, {}, "at once", { type: "start", receiveBufferBytes }).begun;
  t.same(asked(1428, 64, 425_984), ["ask blksize 1428, tsize 0, windowsize 64"], "Linux's default holds it");
  t.same(asked(1428, 1000, 425_984), ["ask blksize 1428, tsize 0, windowsize 109"]);
  t.same(asked(8, 65_535, 8 << 20), ["ask blksize 8, tsize 0, windowsize 8065"], "small packets take much more than their payload");
  t.same(asked(65_464, 4, 425_984), ["ask blksize 65464, tsize 0, windowsize 3"]);
  t.same(asked(65_464, 4, 2304), ["ask blksize 65464, tsize 0, windowsize 1"], "never less than RFC 1350");
});

t.test("an OACK may hold what was asked and no more", async (t) => {
  const wrong: Record<string, string>[] = [
    { blksize: "1429" },
    { windowsize: "17" },
    { timeout: "3" },
    { blksize: "4" },
    { multicast: "1" },
    { tsize: "-1" },
  ];
  for (const options of wrong) {
    const [first, second] = fetching({ blksize: 1428, windowsize: 16 }).oack(options);
    t.equal(first, "error 8", JSON.stringify(options));
    t.match(second, /^error: the server's OACK is wrong/);
  }
  const { oack, data } = fetching({ blksize: 1428, windowsize: 16 });
  t.same(oack({ BLKSIZE: "1000", windowsize: "2", tsize: "2500" }), ["size", "ack 0"]);
  t.same(oack({ BLKSIZE: "1000", windowsize: "2", tsize: "2500" }), ["ack 0"], "it was lost");
  t.same(data(1, 1000), ["write 0+1000"]);
  t.same(data(2, 1000), ["write 1000+1000", "ack 2"]);
  t.same(data(3, 500), ["write 2000+500", "ack 3", "complete: "]);
});

t.test("a file of another size than is due moves no byte", async (t) => {
  const { oack } = fetching({ sizeBytes: 5 });
  t.same(oack({ tsize: "6" }), ["error 0", "error: the server's file has 6 bytes, 5 are due", "close"]);
});

t.test("error 8 to a request: asked again without options", async (t) => {
  const { packet } = fetching({ blksize: 1428 });
  t.same(packet({ type: "error", code: 8, message: "no options" }), ["ask nothing"]);
  t.same(packet({ type: "error", code: 8, message: "no options" }), ["refused: server's error 8: no options", "close"]);
  t.same(fetching().packet({ type: "error", code: 4, message: "illegal operation" }), ["ask nothing"], "servers that know no options");
});

t.test("a hole is answered at once and once for each burst; duplicates are silent", async (t) => {
  const { oack, data } = fetching({ windowsize: 8 });
  oack({ windowsize: "8" });
  data(1);
  t.same(data(3), ["ack 1"]);
  t.same(data(4), []);
  t.same(data(8), []);
  t.same(data(3), ["ack 1"], "a new burst with the same hole");
  t.same(data(2), ["write 512+512"]);
  t.same(data(2), []);
  t.same(data(1), []);
});

t.test("a truncated block is not the end where the size is known", async (t) => {
  const { oack, data } = fetching({}, {});
  oack({ tsize: "1000" });
  t.same(data(1, 100), []);
  t.same(data(1), ["write 0+512", "ack 1"]);
  t.same(data(2, 487), []);
  t.same(data(2, 488), ["write 512+488", "ack 2", "complete: "]);
  const liar = fetching({ sizeBytes: 1000 });
  liar.oack({ tsize: "1000" });
  for (let time = 0; time < 3; time++) liar.data(1, 10);
  t.match(liar.data(1, 10), ["error 4", "error: the file is not 1000 bytes long as announced", "close"]);
});

t.test("a tsize that nobody insists on is a hint: servers are known to send a wrong one", async (t) => {
  const shorter = fetching();
  shorter.oack({ tsize: "1000" });
  for (let time = 0; time < 3; time++) t.same(shorter.data(1, 10), [], "it may be truncated");
  t.same(shorter.data(1, 10), ["write 0+10", "ack 1", "complete: "], "the same again and again is meant");
  const longer = fetching();
  longer.oack({ tsize: "1" });
  t.same(longer.data(1), ["write 0+512", "ack 1"], "a whole block is not truncated");
  t.same(longer.data(2, 9), ["write 512+9", "ack 2", "complete: "]);
  const unknown = fetching();
  t.same(unknown.oack({ tsize: "0" }), ["ack 0"], "the request's 0 echoed");
  t.same(unknown.data(1, 9), ["write 0+9", "ack 1", "complete: "]);
});

t.test("the disk sets the pace, and the last ACK waits for it", async (t) => {
  const { give, data, wait } = fetching({}, { backlogBytesMax: 1000 }, "later");
  t.same(data(1), ["write 0+512", "ack 1"]);
  t.same(data(2), ["write 512+512"], "1024 octets wait");
  t.same(data(2), []);
  for (let time = 0; time < 30; time++) t.same(wait(), { ms: 2000 - (time === 0 ? 1 : 0), sent: ["ack 1"] }, "a sign of life");
  t.same(give({ type: "written", bytesWritten: 512 }), ["ack 2"]);
  t.same(data(3, 9), ["write 1024+9"]);
  t.same(give({ type: "written", bytesWritten: 1024 }), []);
  t.same(wait().sent, ["ack 2"], "the last ACK waits, the one before it is repeated");
  t.same(give({ type: "written", bytesWritten: 1033 }), ["ack 3", "complete: "]);
  t.same(wait().sent, ["close"]);
});

t.test("a server that continues without an ACK is not taken at its word: what waits for the disk is bounded", async (t) => {
  const { give, data, packet } = fetching({}, { backlogBytesMax: 1000 }, "later");
  data(1);
  t.same(data(2), ["write 512+512"], "its ACK waits");
  const taken = Array.from({ length: 2000 }, (_, index) => data(3 + index)).flat();
  t.same(taken, []);
  t.same(packet({ type: "data", block: 3, payload: new Uint8Array(9) }), [], "the end neither");
  t.same(give({ type: "written", bytesWritten: 1024 }), ["ack 2"]);
  t.same(data(3), ["write 1024+512", "ack 3"]);
});

t.test("a time-out within a window does not outrun the disk", async (t) => {
  const { give, oack, data, wait } = fetching({ windowsize: 4 }, { backlogBytesMax: 1000 }, "later");
  oack({ windowsize: "4" });
  t.same([...data(1), ...data(2), ...data(3)], ["write 0+512", "write 512+512", "write 1024+512"]);
  t.same(wait().sent, [], "1536 octets wait");
  t.same(wait().sent, ["ack 0"], "a sign of life");
  t.same(give({ type: "written", bytesWritten: 1024 }), ["ack 3"]);
  t.same(wait().sent, ["ack 3"], "an ACK that went out may be repeated");
});

t.test("outcomes", async (t) => {
  const outcome = (packet: TftpPacket) => fetching().packet(packet)[0];
  t.equal(
    outcome({ type: "error", code: 0, message: "busy: all 3 sessions are in use" }),
    "busy: server's error 0: busy: all 3 sessions are in use",
  );
  t.equal(outcome({ type: "error", code: 1, message: "" }), "refused: server's error 1: no text");
  const later = fetching();
  later.data(1);
  t.same(later.packet({ type: "error", code: 0, message: "bye" }), ["error: server's error 0: bye", "close"]);
  const full = fetching();
  full.data(1);
  t.same(full.give({ type: "storage-failed", detail: "no space" }), ["error 3", "storage: no space", "close"]);
  const aborted = fetching();
  t.same(aborted.give({ type: "abort" }), ["aborted: the fetch was aborted", "close"]);
  t.same(aborted.data(1), [], "over is over");
});

t.test("a dead server: requests every second, a silence, then a time-out", async (t) => {
  const { wait } = fetching();
  const waits: number[] = [];
  for (let guard = 0; guard < 20; guard++) {
    const { ms, sent } = wait();
    waits.push(ms);
    if (sent[0] !== "ask tsize 0") {
      t.same(sent, ["timeout: no answer from 10.0.0.1:69", "close"]);
      break;
    }
  }
  t.same(waits, [...Array(9).fill(1000), 6000]);
});

t.test("a server that made progress is given half a minute", async (t) => {
  const { data, wait } = fetching();
  data(1);
  let waited = 0;
  for (;;) {
    const { ms, sent } = wait();
    waited += ms;
    if (sent[0] === "ack 1") continue;
    t.same(sent, ["error 0", "timeout: no data after byte 512", "close"]);
    break;
  }
  t.ok(waited >= 30_000 && waited < 37_000, `${waited} ms`);
});

t.test("an OACK and no block: the path loses packets of that size, so smaller ones are asked for", async (t) => {
  const { oack, data, wait } = fetching({ blksize: 8192, windowsize: 16 });
  const asked: string[] = [];
  for (const [index, blksize] of ["8192", "1428", "1228"].entries()) {
    oack({ blksize, windowsize: "16" }, { address: server.address, port: 4000 + index });
    let sent: string[] = [];
    for (let guard = 0; guard < 20 && !sent.some((word) => word.startsWith("ask")); guard++) sent = wait().sent;
    t.equal(sent[0], `error 0 to 10.0.0.1:${4000 + index}`, "the server's slot is freed");
    asked.push(...sent.slice(1));
  }
  t.same(
    asked,
    ["1428", "1228", "512"].map((blksize) => `ask blksize ${blksize}, tsize 0, windowsize 16`),
  );
  const givenUp = { address: server.address, port: 4002 };
  t.same(data(1, 1228, givenUp), ["error 5 to 10.0.0.1:4002"], "the transfer that was given up is not joined again");
  const fresh = { address: server.address, port: 3009 };
  t.same(oack({ blksize: "512", windowsize: "16" }, fresh), ["ack 0 to 10.0.0.1:3009"]);
  t.same(data(1, 100, fresh), ["write 0+100", "ack 1 to 10.0.0.1:3009", "complete: "]);
  const small = fetching({ blksize: 512, windowsize: 16 });
  small.oack({ windowsize: "16" });
  for (let time = 0; time < 12; time++) t.same(small.wait().sent, ["ack 0"], "there is nothing smaller to ask for");
});

t.test("a request without any option, and one that is too long", async (t) => {
  const { begun, data } = fetching({ blksize: 1428, windowsize: 16, timeoutSeconds: 3, plainRequest: true });
  t.same(begun, ["ask nothing"]);
  t.same(data(1, 9), ["write 0+9", "ack 1", "complete: "]);
  t.same(fetching({ fileName: "n".repeat(600) }).begun, [
    "error: the name is too long: the request has 617 octets, at most 512 are allowed",
    "close",
  ]);
});

t.test("a long time-out that was asked does not make the first loss the end", async (t) => {
  const { wait } = fetching({ timeoutSeconds: 30 });
  const first = wait();
  t.same([first.ms, ...first.sent], [30_000, "ask tsize 0, timeout 30"]);
  t.same(wait().sent, ["ask tsize 0, timeout 30"]);
});

t.test("both ways of counting after block 65535", async (t) => {
  for (const [name, after, windowsize] of [
    ["to 0", 0, 1],
    ["to 1", 1, 1],
    ["to 0", 0, 16],
    ["to 1", 1, 16],
  ] as const) {
    const blocks = 65_800;
    const { oack, data, client } = fetching({ blksize: 8, windowsize });
    oack({ blksize: "8", ...(windowsize > 1 && { windowsize: String(windowsize) }), tsize: String(8 * (blocks - 1)) });
    const wire = (block: number): number => (after === 0 ? block % 65_536 : ((block - 1) % 65_535) + 1);
    let base = 1;
    let end: string[] = [];
    for (let guard = 0; guard < 300_000 && end.length === 0; guard++) {
      const answers: string[] = [];
      for (let block = base; block < base + windowsize && block <= blocks; block++)
        answers.push(...data(wire(block), block === blocks ? 0 : 8));
      end = answers.filter((answer) => answer.startsWith("complete") || answer.startsWith("error"));
      const acks = answers.filter((answer) => answer.startsWith("ack")).map((answer) => Number(answer.slice(4)));
      for (const ack of acks) {
        for (let block = base - 1; block < base + windowsize; block++) {
          if (wire(Math.max(block, 1)) === ack && block >= 1) {
            base = block + 1;
            break;
          }
        }
      }
    }
    t.same(end, ["complete: "], `${name}, windowsize ${windowsize}`);
    t.equal(client.bytesDone, 8 * (blocks - 1));
  }
});
