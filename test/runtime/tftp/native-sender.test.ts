/** The native sender by itself, against a peer written by hand. */
import { createSocket, type Socket } from "node:dgram";
import { appendFileSync, closeSync, fstatSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { Prng } from "../../../src/base/prng.js";
import {
  loadNativeTftp,
  type NativeSender,
  type NativeTftp,
  REPORT_HEAD,
  WAIT_FILE_CHANGED,
  WAIT_NOTHING,
  WAIT_PEER_GONE,
} from "../../../src/runtime/tftp/native-sender.js";
import { temporaryFolder } from "../../support/folder.js";

const loaded = loadNativeTftp();
const skip = loaded === undefined ? "the native sender is not built here" : false;
const BLKSIZE = 100;
/** None that the system gives out. */
const LOCAL = { address: "127.34.0.1", port: 9_123 };

interface Ends {
  readonly native: NativeTftp;
  readonly sender: NativeSender;
  readonly content: Uint8Array;
  /** Sends ACKs, which wait in the sender's socket. */
  readonly acknowledge: (...blocks: number[]) => Promise<void>;
  /** Block numbers that reached the peer since the last look, each checked against the file: at least `count`. */
  readonly arrived: (count: number) => Promise<number[]>;
  readonly peer: Socket;
  readonly path: string;
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
  const { mtimeMs } = fstatSync(file);
  const sender = native.open(LOCAL.address, LOCAL.port, "127.34.0.2", peer.address().port, file, sizeBytes, mtimeMs, blksize, 0);
  t.teardown(() => native.close(sender));
  return {
    native,
    sender,
    content,
    peer,
    path,
    acknowledge: async (...numbers) => {
      for (const block of numbers)
        await new Promise<void>((resolve) =>
          peer.send(Uint8Array.of(0, 4, block >> 8, block & 0xff), LOCAL.port, LOCAL.address, () => resolve()),
        );
    },
    arrived: async (count) => {
      await gathered(blocks, count);
      return blocks.splice(0);
    },
  };
}

/** Waits for so many, and for one more that would be too many. */
async function gathered(all: readonly unknown[], count: number): Promise<void> {
  while (all.length < count) await sleep(5);
  await sleep(20);
}

/** What `stream` did until it brought a datagram or `trips` round trips: it comes back early where the thread had to wait for a CPU. */
function streamed(
  { native, sender }: Ends,
  [next, windowsize, end, outMs, spinMs]: readonly [number, number, number, number, number],
  trips = Number.POSITIVE_INFINITY,
) {
  const roundTrips: number[] = [];
  let [at, out] = [next, outMs];
  for (;;) {
    const length = native.stream(sender, into, report, at, windowsize, end, out, spinMs);
    const [base, after, sentMsAgo, measured] = [...report] as [number, number, number, number];
    roundTrips.push(...report.subarray(REPORT_HEAD, REPORT_HEAD + measured));
    const paused = length === WAIT_NOTHING && after > at;
    if (!paused || roundTrips.length >= trips) return { length, base, next: after, sentMsAgo, roundTrips };
    [at, out] = [after, sentMsAgo];
  }
}

const upTo = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const report = new Float64Array(REPORT_HEAD + 3);
const into = new Uint8Array(64);

t.test("stream continues while ACK follows ACK, and stops at anything else", { skip }, async (t) => {
  const opened = await ends(t, 50 * BLKSIZE);
  const { native, sender, acknowledge, arrived, peer } = opened;
  t.teardown(() => peer.close());
  const startedAt = performance.now();
  native.sendBlocks(sender, 1, 4);
  t.same(await arrived(4), [1, 2, 3, 4]);
  await acknowledge(4, 8, 8);
  const { length, base, next, sentMsAgo, roundTrips } = streamed(opened, [5, 4, 52, 1, 0]);
  t.equal(length, 4, "the repeated ACK is brought back");
  t.same([...into.subarray(0, 4)], [0, 4, 0, 8]);
  t.same([base, next, roundTrips.length], [9, 13, 2], "9 to 12 are out, two round trips were measured");
  const elapsedMs = performance.now() - startedAt;
  for (const ms of [sentMsAgo, ...roundTrips]) t.ok(ms >= 0 && ms < elapsedMs + 1, `${ms} ms`);
  t.same(await arrived(8), upTo(5, 12));
  await acknowledge(10);
  const inside = streamed(opened, [13, 4, 52, 1, 0.05]);
  t.equal(inside.length, 4, "so is one inside the window");
  t.same([inside.base, inside.next, inside.roundTrips], [13, 13, []], "nothing was sent and nothing measured");
  t.same(await arrived(0), []);
});

t.test("stream sends the short last window, the short last block, and leaves the last ACK alone", { skip }, async (t) => {
  const opened = await ends(t, 5 * BLKSIZE + 7);
  const { native, sender, acknowledge, arrived, peer } = opened;
  t.teardown(() => peer.close());
  native.sendBlocks(sender, 1, 4);
  await acknowledge(4, 6);
  t.equal(native.stream(sender, into, report, 5, 4, 7, -1, 0), WAIT_NOTHING, "it returns when the last block is out");
  t.same([...report.subarray(0, 2), report[3]], [5, 7, 0], "an ACK of what was sent twice measures nothing");
  const { length, base, next, roundTrips } = streamed(opened, [7, 4, 7, 1, 0]);
  t.same([length, base, next, roundTrips], [4, 7, 7, []]);
  t.same(await arrived(6), [1, 2, 3, 4, 5, 6]);
});

t.test("numbers roll over", { skip }, async (t) => {
  const opened = await ends(t, 8 * 65_600, 8);
  const { acknowledge, peer } = opened;
  t.teardown(() => peer.close());
  peer.removeAllListeners("message");
  const numbers: number[] = [];
  peer.on("message", (bytes) => numbers.push(bytes.readUInt16BE(2)));
  await acknowledge(65_534, 0);
  const { length, base, next } = streamed(opened, [65_535, 2, 65_601, 1, 0]);
  t.same([length, base, next], [WAIT_NOTHING, 65_539, 65_539], "the last call had nothing to do");
  await gathered(numbers, 4);
  t.same(numbers, [65_535, 0, 1, 2]);
});

t.test("it comes back when the report is full of round trips", { skip }, async (t) => {
  const opened = await ends(t, 50 * BLKSIZE);
  const { native, sender, acknowledge, arrived, peer } = opened;
  t.teardown(() => peer.close());
  native.sendBlocks(sender, 1, 1);
  await acknowledge(1, 2, 3, 4, 5);
  const full = streamed(opened, [2, 1, 52, 1, 0], 3);
  t.same([full.length, full.base, full.next, full.roundTrips.length], [WAIT_NOTHING, 4, 5, 3]);
  const rest = streamed(opened, [5, 1, 52, 1, 0], 2);
  t.same([rest.length, rest.base, rest.next, rest.roundTrips.length], [WAIT_NOTHING, 6, 7, 2], "the ACKs behind were not lost");
  t.same(await arrived(6), upTo(1, 6));
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
  const { mtimeMs } = fstatSync(file);
  const sender = native.open(LOCAL.address, LOCAL.port, "127.34.0.2", peer.address().port, file, sizeBytes, mtimeMs, 1428, 0);
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
  t.ok(performance.now() - startedAt < 4000, "both return soon");
  await new Promise<void>((resolve) => peer.close(() => resolve()));
  native.sendBlocks(sender, 1, 1);
  // Each call asks for no more than 50 ms; a busy kernel may take longer to say it.
  let told: number = WAIT_NOTHING;
  for (let calls = 0; calls < 100 && told === WAIT_NOTHING; calls++) told = native.stream(sender, into, report, 2, 1, 12, 1, 0.05);
  t.equal(told, WAIT_PEER_GONE);
});

t.test("nothing of a file that has changed is sent", { skip }, async (t) => {
  const { native, sender, peer, path, acknowledge, arrived } = await ends(t, 10 * BLKSIZE);
  t.teardown(() => peer.close());
  t.equal(native.sendBlocks(sender, 1, 1), true);
  t.same(await arrived(1), [1]);
  appendFileSync(path, "more");
  t.equal(native.sendBlocks(sender, 2, 1), false);
  await acknowledge(1);
  t.equal(native.stream(sender, into, report, 2, 1, 12, 1, 0), WAIT_FILE_CHANGED);
  t.same(await arrived(0), []);
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
