/** The native sender by itself, against a peer written by hand. */
import { createSocket, type Socket } from "node:dgram";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { Prng } from "../../src/base/prng.js";
import {
  loadNativeTftp,
  type NativeSender,
  type NativeTftp,
  REPORT_HEAD,
  WAIT_NOTHING,
  WAIT_PEER_GONE,
} from "../../src/runtime/tftp-native.js";
import { temporaryFolder } from "../support/folder.js";

const loaded = loadNativeTftp();
const skip = loaded === undefined ? "the native sender is not built here" : false;
const BLKSIZE = 100;
const LOCAL = { address: "127.34.0.1", port: 40_123 };

interface Ends {
  readonly native: NativeTftp;
  readonly sender: NativeSender;
  readonly content: Uint8Array;
  /** Sends ACKs, which wait in the sender's socket. */
  readonly acknowledge: (...blocks: number[]) => Promise<void>;
  /** Block numbers that reached the peer, each checked against the file. */
  readonly arrived: () => Promise<number[]>;
  readonly peer: Socket;
}

async function ends(t: Test, sizeBytes: number, blksize = BLKSIZE): Promise<Ends> {
  const native = loaded as NativeTftp;
  const content = new Prng(4).bytes(sizeBytes);
  const path = join(temporaryFolder(t), "image");
  writeFileSync(path, content);
  const file = openSync(path, "r");
  t.teardown(() => closeSync(file));
  const peer = createSocket("udp4");
  await new Promise<void>((resolve) => peer.bind(0, "127.34.0.2", resolve));
  const blocks: number[] = [];
  peer.on("message", (bytes) => {
    t.equal(bytes.readUInt16BE(0), 3, "DATA");
    const block = bytes.readUInt16BE(2);
    blocks.push(block);
    const start = (block - 1) * blksize;
    t.ok(bytes.subarray(4).equals(content.subarray(start, start + blksize)), `content of block ${block}`);
  });
  const sender = native.open(LOCAL.address, LOCAL.port, "127.34.0.2", peer.address().port, file, sizeBytes, blksize);
  t.teardown(() => native.close(sender));
  return {
    native,
    sender,
    content,
    peer,
    acknowledge: async (...numbers) => {
      for (const block of numbers)
        await new Promise<void>((resolve) =>
          peer.send(Uint8Array.of(0, 4, block >> 8, block & 0xff), LOCAL.port, LOCAL.address, () => resolve()),
        );
    },
    arrived: async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return blocks.splice(0);
    },
  };
}

const upTo = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const report = new Float64Array(REPORT_HEAD + 3);
const into = new Uint8Array(64);

t.test("stream goes on while ACK follows ACK, and stops at anything else", { skip }, async (t) => {
  const { native, sender, acknowledge, arrived, peer } = await ends(t, 50 * BLKSIZE);
  t.teardown(() => peer.close());
  native.sendBlocks(sender, 1, 4);
  t.same(await arrived(), [1, 2, 3, 4]);
  await acknowledge(4, 8, 8);
  t.equal(native.stream(sender, into, report, 5, 4, 52, 1, 0), 4, "the repeated ACK is brought back");
  t.same([...into.subarray(0, 4)], [0, 4, 0, 8]);
  const [base, next, sentMsAgo, trips, ...roundTrips] = report;
  t.same([base, next, trips], [9, 13, 2], "9 to 12 are out, two round trips were measured");
  for (const ms of [sentMsAgo, ...roundTrips.slice(0, 2)]) t.ok((ms as number) >= 0 && (ms as number) < 1000, `${ms} ms`);
  t.same(await arrived(), upTo(5, 12));
  await acknowledge(10);
  t.equal(native.stream(sender, into, report, 13, 4, 52, 1, 0.05), 4, "so is one inside the window");
  t.same([report[0], report[1], report[3]], [13, 13, 0], "nothing was sent and nothing measured");
  t.same(await arrived(), []);
});

t.test("stream sends the short last window, the short last block, and leaves the last ACK alone", { skip }, async (t) => {
  const { native, sender, acknowledge, arrived, peer } = await ends(t, 5 * BLKSIZE + 7);
  t.teardown(() => peer.close());
  native.sendBlocks(sender, 1, 4);
  await acknowledge(4, 6);
  t.equal(native.stream(sender, into, report, 5, 4, 7, -1, 0), 4);
  t.same([report[0], report[1], report[3]], [5, 7, 0], "an ACK of what was sent twice measures nothing");
  t.same(await arrived(), [1, 2, 3, 4, 5, 6]);
});

t.test("numbers roll over", { skip }, async (t) => {
  const { native, sender, acknowledge, arrived, peer } = await ends(t, 8 * 65_600, 8);
  t.teardown(() => peer.close());
  peer.removeAllListeners("message");
  const numbers: number[] = [];
  peer.on("message", (bytes) => numbers.push(bytes.readUInt16BE(2)));
  await acknowledge(65_534, 0);
  t.equal(native.stream(sender, into, report, 65_535, 2, 65_601, 1, 0), WAIT_NOTHING);
  t.same([...report.subarray(0, 2)], [65_537, 65_539]);
  await arrived();
  t.same(numbers, [65_535, 0, 1, 2]);
});

t.test("it comes back when the report is full of round trips", { skip }, async (t) => {
  const { native, sender, acknowledge, arrived, peer } = await ends(t, 50 * BLKSIZE);
  t.teardown(() => peer.close());
  native.sendBlocks(sender, 1, 1);
  await acknowledge(1, 2, 3, 4, 5);
  t.equal(native.stream(sender, into, report, 2, 1, 52, 1, 0), WAIT_NOTHING);
  t.same([report[0], report[1], report[3]], [4, 5, 3]);
  t.equal(native.stream(sender, into, report, 5, 1, 52, 1, 0), WAIT_NOTHING);
  t.same([report[0], report[1], report[3]], [6, 7, 2], "the ACKs behind were not lost");
  t.same(await arrived(), upTo(1, 6));
});

t.test("blocks beyond 4 GiB come from where they lie", { skip }, async (t) => {
  const native = loaded as NativeTftp;
  // Sparse: it takes no room.
  const path = join(temporaryFolder(t), "huge");
  const file = openSync(path, "w+");
  t.teardown(() => closeSync(file));
  const sizeBytes = 5 * 2 ** 30 + 3;
  const last = Math.floor(sizeBytes / 1428) + 1;
  const tail = new Prng(6).bytes(1428 + (sizeBytes % 1428));
  writeSync(file, tail, 0, tail.length, sizeBytes - tail.length);
  const peer = createSocket("udp4");
  t.teardown(() => peer.close());
  await new Promise<void>((resolve) => peer.bind(0, "127.34.0.2", resolve));
  const got: Buffer[] = [];
  peer.on("message", (bytes) => got.push(bytes));
  const sender = native.open(LOCAL.address, LOCAL.port, "127.34.0.2", peer.address().port, file, sizeBytes, 1428);
  t.teardown(() => native.close(sender));
  native.sendBlocks(sender, last - 1, 2);
  while (got.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  t.same(
    got.map((bytes) => bytes.readUInt16BE(2)),
    [(last - 1) % 65_536, last % 65_536],
  );
  t.ok(Buffer.concat(got.map((bytes) => bytes.subarray(4))).equals(tail));
});

t.test("nothing comes, and nobody is there any more", { skip }, async (t) => {
  const { native, sender, peer } = await ends(t, 10 * BLKSIZE);
  const startedAt = performance.now();
  t.equal(native.stream(sender, into, report, 2, 1, 12, 1, 0.05), WAIT_NOTHING);
  t.equal(native.wait(sender, into, 5), WAIT_NOTHING);
  t.ok(performance.now() - startedAt < 500, "both return soon");
  await new Promise<void>((resolve) => peer.close(() => resolve()));
  native.sendBlocks(sender, 1, 1);
  t.equal(native.stream(sender, into, report, 2, 1, 12, 1, 0.05), WAIT_PEER_GONE);
});

t.test("wrong arguments are refused, and a closed sender", { skip }, async (t) => {
  const { native, sender, peer } = await ends(t, 10 * BLKSIZE);
  t.teardown(() => peer.close());
  t.throws(() => native.stream(sender, new Uint8Array(3), report, 2, 1, 12, 1, 0), /stream/);
  t.throws(() => native.stream(sender, into, new Float64Array(REPORT_HEAD), 2, 1, 12, 1, 0), /stream/);
  t.throws(() => native.stream(sender, into, report, 2, 0, 12, 1, 0), /stream/);
  native.close(sender);
  t.throws(() => native.stream(sender, into, report, 2, 1, 12, 1, 0), /stream/);
  t.throws(() => native.wait(sender, into, 1), /wait/);
});
