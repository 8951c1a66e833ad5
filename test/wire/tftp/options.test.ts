import t from "tap";
import { absoluteBlock, blockCount, blockLength, blockOffset, wireBlock } from "../../../src/wire/tftp/block-number.js";
import { readOptions, writeOptions } from "../../../src/wire/tftp/options.js";
import { parseTftpUrl } from "../../../src/wire/tftp/url.js";

const one = (name: string, value: string) => readOptions([{ name, value }]);

t.test("values at and beyond their limits", async (t) => {
  const accepted = [
    ["blksize", "8", { blksize: 8 }],
    ["blksize", "65464", { blksize: 65464 }],
    ["BLKSIZE", "1428", { blksize: 1428 }],
    ["tSize", "0", { tsize: 0 }],
    ["tsize", "4294967296", { tsize: 4294967296 }],
    ["timeout", "1", { timeoutSeconds: 1 }],
    ["timeout", "255", { timeoutSeconds: 255 }],
    ["WindowSize", "65535", { windowsize: 65535 }],
  ] as const;
  for (const [name, value, options] of accepted) t.same(one(name, value), { options, refused: [] }, `${name} ${value}`);
  const refused = [
    ["blksize", "7"],
    ["blksize", "65465"],
    ["timeout", "0"],
    ["timeout", "256"],
    ["windowsize", "0"],
    ["windowsize", "65536"],
    ["tsize", "99999999999999999"],
    ["multicast", ""],
    ...["0x200", "+512", "-512", " 512", "512 ", "5e2", "512.0", "", "１２"].map((value) => ["blksize", value] as const),
  ] as const;
  for (const [name, value] of refused) t.same(one(name, value), { options: {}, refused: [{ name, value }] }, `${name} "${value}"`);
});

t.test("the first of two options of a name counts", async (t) => {
  t.same(readOptions([...writeOptions({ blksize: 1024 }), { name: "BLKSIZE", value: "512" }]).options, { blksize: 1024 });
});

t.test("block numbers roll over to 0", async (t) => {
  t.same([1, 65535, 65536, 65537, 131072].map(wireBlock), [1, 65535, 0, 1, 0]);
  t.equal(absoluteBlock(65530, 3), 65539);
  t.equal(absoluteBlock(65536, 0), 65536);
  t.equal(absoluteBlock(65537, 0), 131072);
});

t.test("blocks of files, beyond 4 GiB too", async (t) => {
  t.same(
    [0, 1, 511, 512, 513].map((size) => blockCount(size, 512)),
    [1, 1, 1, 2, 2],
  );
  const size = 5 * 2 ** 32 + 7;
  const last = blockCount(size, 1428);
  t.equal(blockOffset(last, 1428) + blockLength(last, 1428, size), size);
  t.equal(blockLength(1, 512, 0), 0);
  t.equal(blockLength(2, 512, 512), 0);
});

t.test("URLs of RFC 3617", async (t) => {
  const good = [
    ["tftp://10.0.0.1/image", { host: "10.0.0.1", port: 69, fileName: "image" }],
    ["TFTP://ap-1:6969/dir/a%20b", { host: "ap-1", port: 6969, fileName: "dir/a b" }],
    ["tftp://[fe80::1%25eth0]/x;mode=octet", { host: "fe80::1%eth0", port: 69, fileName: "x" }],
  ] as const;
  for (const [text, value] of good) t.same(parseTftpUrl(text), { ok: true, value }, text);
  for (const text of [
    "http://a/b",
    "tftp://a",
    "tftp://a/",
    "tftp:///x",
    "tftp://a:0/x",
    "tftp://a:70000/x",
    "tftp://a/x;mode=netascii",
    "tftp://a/%zz",
    "tftp://[a]/x",
    "tftp://a/%00",
  ])
    t.equal(parseTftpUrl(text).ok, false, text);
});
