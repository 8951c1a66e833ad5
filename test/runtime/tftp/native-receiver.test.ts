/** The native receiver by itself, against a server written by hand. */
import { createSocket, type Socket } from "node:dgram";
import { closeSync, fstatSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { Prng } from "../../../src/base/prng.js";
import {
  type HeardDatagram,
  loadNativeReceiver,
  type NativeTftpReceiver,
  RECEIVER_REPORT_HEAD,
  RECEIVER_TRIPS_MAX,
} from "../../../src/runtime/tftp/native-receiver.js";
import { loadNativeTftp } from "../../../src/runtime/tftp/native-sender.js";
import { temporaryFolder } from "../../support/folder.js";

const loaded = loadNativeReceiver();
const skip = loaded === undefined ? "the native receiver is not built here" : false;
const BLKSIZE = 100;
const LOCAL = "127.36.0.1";
const content = new Prng(8).bytes(70_000 * BLKSIZE);

const bound = (t: Test, address: string): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
    t.teardown(() => socket.close());
    socket.bind(0, address, () => resolve(socket));
  });

interface Grant {
  readonly received?: number;
  readonly due?: number;
  readonly windowsize?: number;
  readonly unacknowledged?: number;
  readonly blocksMax?: number;
  readonly ackMsAgo?: number;
  readonly backlogBytesMax?: number;
  readonly tellBytes?: number;
  readonly spinMs?: number;
}

async function ends(t: Test, blksize = BLKSIZE, ringBlocks = 64) {
  const native = loaded as NativeTftpReceiver;
  const facts = new Float64Array(2);
  const report = new Float64Array(RECEIVER_REPORT_HEAD + RECEIVER_TRIPS_MAX);
  let told = (): void => {};
  const receiver = native.open(LOCAL, 0, 1 << 20, facts, () => told());
  t.teardown(() => native.close(receiver));
  const [port = 0, receiveBufferBytes = 0] = facts;
  t.ok(port > 0 && receiveBufferBytes > 0);
  const peer = await bound(t, "127.36.0.2");
  const peerPort = peer.address().port;
  const acks: number[] = [];
  peer.on("message", (bytes) => acks.push(bytes.length === 4 && bytes[1] === 4 ? bytes.readUInt16BE(2) : Number.NaN));
  const ring = new Uint8Array(ringBlocks * blksize);
  const packet = (block: number, length = blksize): Uint8Array => {
    const start = (block - 1) * blksize;
    return Uint8Array.of(0, 3, (block >> 8) & 0xff, block & 0xff, ...content.subarray(start, start + length));
  };
  const send = (bytes: Uint8Array, from = peer): Promise<void> => new Promise((resolve) => from.send(bytes, port, LOCAL, () => resolve()));
  return {
    native,
    receiver,
    peer,
    port,
    ring,
    report,
    packet,
    send,
    blocks: async (...numbers: number[]): Promise<void> => {
      for (const block of numbers) await send(packet(block));
    },
    stream: (grant: Grant = {}): boolean => {
      const numbers = [grant.received ?? 0, grant.due ?? 1, blksize, grant.windowsize ?? 4, grant.unacknowledged ?? 0];
      numbers.push(grant.blocksMax ?? 1e9, grant.ackMsAgo ?? 1, grant.backlogBytesMax ?? 1e9, grant.tellBytes ?? 1e9, grant.spinMs ?? 0);
      return native.stream(receiver, "127.36.0.2", peerPort, ring, Float64Array.from(numbers));
    },
    /** The next call of `tell`. */
    tellCall: (): Promise<void> =>
      new Promise((resolve) => {
        told = resolve;
      }),
    /** What the thread's turn came to. */
    turn: async (): Promise<{
      readonly taken: number;
      readonly unacknowledged: number;
      readonly trips: number;
      readonly heard: readonly HeardDatagram[];
    }> => {
      for (;;) {
        const heard = native.report(receiver, report);
        const [, taken = 0, unacknowledged = 0, takenMsAgo = 0, trips = 0] = report;
        if (heard !== undefined) {
          for (const ms of [takenMsAgo, ...report.subarray(RECEIVER_REPORT_HEAD, RECEIVER_REPORT_HEAD + trips)])
            if (!(ms >= 0 && ms < 5000)) t.fail(`${ms} ms`);
          return { taken, unacknowledged, trips, heard };
        }
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      }
    },
    /** The ACKs that reached the server: `due` of them, or what there is after a while. */
    acks: async (due: number): Promise<number[]> => {
      for (let time = 0; time < (due === 0 ? 3 : 200) && (due === 0 || acks.length < due); time++)
        await new Promise((resolve) => setTimeout(resolve, 10));
      await new Promise((resolve) => setTimeout(resolve, 10));
      return acks.splice(0);
    },
    /** Whether the ring holds these blocks of the file where they belong. */
    holds: (first: number, last: number): boolean => {
      for (let at = (first - 1) * blksize; at < last * blksize; at++) if (ring[at % ring.length] !== content[at]) return false;
      return true;
    },
  };
}

const upTo = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);

t.test("block after block is put into its place, each window acknowledged", { skip }, async (t) => {
  for (const spinMs of [0, 0.05]) {
    const { stream, blocks, turn, acks, holds, report, peer } = await ends(t);
    await blocks(...upTo(1, 10), 12);
    t.ok(stream({ spinMs }));
    const { taken, unacknowledged, trips, heard } = await turn();
    t.same({ taken, unacknowledged, trips }, { taken: 10, unacknowledged: 2, trips: 3 });
    t.equal(report[0], 10 * BLKSIZE);
    t.same(
      heard.map(([bytes, address, port]) => [bytes.readUInt16BE(2), address, port]),
      [[12, "127.36.0.2", peer.address().port]],
    );
    t.ok(holds(1, 10));
    t.same(await acks(2), [4, 8]);
  }
});

t.test("anything else is brought back, octet for octet, and what came behind it", { skip }, async (t) => {
  const foreign = await bound(t, "127.36.0.3");
  const { stream, blocks, turn, acks, holds, packet, send } = await ends(t);
  const others: Record<string, Uint8Array> = {
    "a gap": packet(4),
    "a duplicate": packet(2),
    "a short block": packet(3, 99),
    "an empty block": packet(3, 0),
    "a long block": packet(3, 101),
    "the longest datagram": packet(3, 65_503),
    "an empty datagram": new Uint8Array(0),
    "half a header": Uint8Array.of(0, 3),
    "an ERROR": Uint8Array.of(0, 5, 0, 3, ...new Uint8Array(BLKSIZE)),
    "another opcode": Uint8Array.of(1, 3, 0, 3, ...new Uint8Array(BLKSIZE)),
  };
  for (const [what, bytes] of Object.entries(others)) {
    await blocks(1, 2);
    await send(bytes);
    t.ok(stream());
    const { taken, unacknowledged, heard } = await turn();
    t.same({ taken, unacknowledged }, { taken: 2, unacknowledged: 2 }, what);
    t.ok(heard.length === 1 && heard[0]?.[0].equals(bytes), `${what}: ${heard[0]?.[0].length} octets`);
    t.ok(holds(1, 2));
  }
  await blocks(1, 2);
  await send(packet(3), foreign);
  t.ok(stream());
  const first = await turn();
  t.same([first.taken, first.heard.map(([, address]) => address)], [2, ["127.36.0.3"]], "the block that is due, from a stranger");
  t.same(await acks(0), []);
});

t.test("a batch whose middle is foreign is taken up to there, the rest brought back in order", { skip }, async (t) => {
  const { native, receiver, stream, blocks, turn, ring } = await ends(t);
  await blocks(1, 2, 9, 3, 4);
  ring.fill(0);
  t.ok(stream({ windowsize: 16 }));
  const { taken, heard } = await turn();
  t.same([taken, ...heard.map(([bytes]) => bytes.readUInt16BE(2))], [2, 9, 3, 4]);
  native.pass(receiver);
  await blocks(5);
  t.same(
    (await turn()).heard.map(([bytes]) => bytes.readUInt16BE(2)),
    [5],
    "`pass` brings all of them back",
  );
});

t.test("numbers roll over; no more blocks are taken than allowed", { skip }, async (t) => {
  const { stream, blocks, turn, acks, holds } = await ends(t, BLKSIZE, 65_600);
  await blocks(...upTo(65_534, 65_539));
  t.ok(stream({ received: 65_533 * BLKSIZE, due: 65_534, blocksMax: 5, windowsize: 2 }));
  const { taken, heard } = await turn();
  t.same([taken, heard[0]?.[0].readUInt16BE(2)], [5, 3]);
  t.ok(holds(65_534, 65_538));
  t.same(await acks(2), [65_535, 1]);
});

t.test("an ACK waits for the disk", { skip }, async (t) => {
  const { native, receiver, stream, blocks, turn, acks } = await ends(t);
  await blocks(1, 2, 3, 4);
  t.ok(stream({ windowsize: 2, backlogBytesMax: 3 * BLKSIZE }));
  t.match(await turn(), { taken: 4, unacknowledged: 2, heard: [] }, "400 octets wait");
  t.same(await acks(1), [2]);
  native.written(receiver, 2 * BLKSIZE);
  await blocks(5, 6, 7, 8);
  t.ok(stream({ received: 4 * BLKSIZE, due: 5, windowsize: 2, backlogBytesMax: 4 * BLKSIZE }));
  t.match(await turn(), { taken: 4, unacknowledged: 2, heard: [] });
  t.same(await acks(1), [6]);
});

t.test("it comes back when the report is full of round trips, and continues where it was", { skip }, async (t) => {
  const last = RECEIVER_TRIPS_MAX + 3;
  const { stream, blocks, turn, acks } = await ends(t, BLKSIZE, last);
  await blocks(...upTo(1, last));
  t.ok(stream({ windowsize: 1 }));
  t.match(await turn(), { taken: RECEIVER_TRIPS_MAX, trips: RECEIVER_TRIPS_MAX, unacknowledged: 0, heard: [] });
  t.ok(stream({ received: RECEIVER_TRIPS_MAX * BLKSIZE, due: RECEIVER_TRIPS_MAX + 1, windowsize: 1, ackMsAgo: -1 }));
  t.match(await turn(), { taken: 3, trips: 2, heard: [] }, "the first measured nothing");
  t.same(await acks(last), upTo(1, last));
});

t.test("it says at once what is worth it, and a pause and a silence end its turn", { skip }, async (t) => {
  const { native, receiver, stream, blocks, turn, report, tellCall } = await ends(t);
  await blocks(1, 2, 3);
  t.ok(stream({ tellBytes: 2 * BLKSIZE }));
  await tellCall();
  const heard = native.report(receiver, report);
  t.equal(report[0], 3 * BLKSIZE);
  // On a busy machine the silence may be over before the pause.
  if (heard === undefined) {
    native.pause(receiver);
    t.same(native.report(receiver, report), []);
  }
  t.same([...report.subarray(1, 3)], [3, 3]);
  native.pause(receiver);
  const startedAt = performance.now();
  t.ok(stream({ received: 3 * BLKSIZE, due: 4, unacknowledged: 3, ackMsAgo: -1 }));
  t.match(await turn(), { taken: 0, heard: [] });
  t.ok(performance.now() - startedAt > 30, "nothing came");
});

t.test("a turn is not given while a report waits, and from `pass` at any time", { skip }, async (t) => {
  const { native, receiver, stream, blocks, turn } = await ends(t);
  native.pass(receiver);
  t.ok(stream());
  await blocks(1, 2, 7);
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.notOk(stream());
  native.pass(receiver);
  // On a busy machine a silence may have ended the turn before the first block.
  t.ok((await turn()).taken <= 2);
  t.ok(stream(), "the report was seen");
});

t.test(
  "a sender's super-packets, whole and in parts",
  { skip: skip || (loadNativeTftp() === undefined && "no native sender here") },
  async (t) => {
    const sender = loadNativeTftp();
    if (sender === undefined) return;
    for (const blksize of [100, 1428]) {
      const { native, receiver, stream, turn, acks, holds, port, peer, ring } = await ends(t, blksize);
      const sizeBytes = 1000 * blksize;
      const path = join(temporaryFolder(t), "image");
      writeFileSync(path, content.subarray(0, sizeBytes));
      const file = openSync(path, "r");
      t.teardown(() => closeSync(file));
      const { address, port: peerPort } = peer.address();
      await new Promise<void>((resolve) => peer.close(() => resolve()));
      peer.close = (): Socket => peer;
      const sending = sender.open(address, peerPort, LOCAL, port, file, sizeBytes, fstatSync(file).mtimeMs, blksize, 0);
      t.teardown(() => sender.close(sending));
      // Not known to send them: all datagrams are there, none is lost.
      sender.sendBlocks(sending, 1, 32);
      t.ok(stream({ windowsize: 32 }));
      const first = await turn();
      const numbers = [...upTo(1, first.taken), ...first.heard.map(([bytes]) => bytes.readUInt16BE(2))];
      for (let all = numbers; all.length < 32; ) {
        t.ok(stream({ received: 32 * blksize, due: 999, windowsize: 32 }));
        all = [...all, ...(await turn()).heard.map(([bytes]) => bytes.readUInt16BE(2))];
        numbers.splice(0, numbers.length, ...all);
      }
      t.same(numbers, upTo(1, 32));
      for (const [bytes] of first.heard)
        t.ok(bytes.subarray(4).equals(content.subarray((bytes.readUInt16BE(2) - 1) * blksize).subarray(0, blksize)));
      // From then on each goes into its places.
      ring.fill(0);
      native.written(receiver, 32 * blksize);
      sender.sendBlocks(sending, 33, 32);
      sender.sendBlocks(sending, 65, 16);
      t.ok(stream({ received: 32 * blksize, due: 33, windowsize: 32 }));
      t.match(await turn(), { taken: 48, unacknowledged: 16, heard: [] });
      t.ok(holds(33, 80));
      t.same(await acks(0), []);
    }
  },
);

t.test("wrong arguments are refused, and a closed receiver; closing ends a turn", { skip }, async (t) => {
  const { native, receiver, stream, ring, report } = await ends(t);
  const numbers = Float64Array.of(0, 1, BLKSIZE, 4, 0, 9, 1, 100, 100, 0);
  const wrong = (index: number, value: number): Float64Array => numbers.with(index, value);
  for (const bad of [wrong(2, 0), wrong(2, 99), wrong(2, 65_536), wrong(0, 50), wrong(0, 65 * BLKSIZE), wrong(4, 4), numbers.subarray(1)])
    t.throws(() => native.stream(receiver, "127.0.0.1", 1, ring, bad), /stream/);
  t.throws(() => native.stream(receiver, "localhost", 1, ring, numbers), /stream/);
  t.throws(() => native.stream(receiver, "127.0.0.1", 1, new Uint8Array(0), numbers), /stream/);
  t.throws(() => native.report(receiver, new Float64Array(RECEIVER_REPORT_HEAD)), /report/);
  t.throws(() => native.written(receiver, -1), /written/);
  t.throws(() => native.open("192.0.2.1", 0, 1, new Float64Array(2), () => {}), /bind/);
  t.ok(stream());
  native.close(receiver);
  native.close(receiver);
  t.throws(() => stream(), /stream/);
  t.throws(() => native.report(receiver, report), /report/);
  t.throws(() => native.pause(receiver), /pause/);
});
