/** The `stream` distribution: the controller grows the tree and mends it. */
import t from "tap";
import { extensions } from "../../../../src/wire/capwap/vendor.js";
import { branch, type ControllerLab, digest, mac, start } from "../../../support/controller-lab.js";

const chunks = { chunkBytes: 100, sha256s: Array.from({ length: 10 }, (_, index) => digest(index.toString(16))) };

/** @param known whether the controller has read the image file */
function streaming(aps: number, known = true): ControllerLab {
  const lab = branch(aps);
  for (let number = 1; number <= aps; number++)
    lab.domain.apInventory(lab.now, mac(number), { ...lab.inventory({ number }), extensions: [extensions.stream] });
  lab.do({ type: "group-set", group: "G", settings: { distribution: "stream" } });
  if (known) read(lab);
  lab.do(start);
  return lab;
}

function read(lab: ControllerLab): void {
  lab.domain.imageChecked(lab.now, digest("a"), null, chunks);
  lab.drain();
}

const take = (lab: ControllerLab, ...numbers: number[]): void => {
  for (const number of numbers) lab.report(number, "fetching", { path: "lan" });
};
const blame = (lab: ControllerLab, reporter: number, liar: number): void => {
  const runId = lab.domain.runs.latestOfAp(mac(reporter))?.run.id ?? 0;
  const server = { address: `10.0.0.${liar}`, port: 69 };
  lab.domain.apBlames(lab.now, mac(reporter), { runId, server, chunk: 0 });
  lab.drain();
};
const from = (number: number, parent: number): string => `${number} subordinate from 10.0.0.${parent}`;

t.test("three at each AP, level by level, as soon as the parent has taken its order", async (t) => {
  const lab = streaming(8);
  t.same(lab.takeTold(), ["1 primary"]);
  lab.report(1, "initiated", { path: "wan" });
  t.same(lab.takeTold(), [from(2, 1), from(3, 1), from(4, 1)], "while the image still comes in");
  take(lab, 2);
  t.same(lab.takeTold(), [from(5, 2), from(6, 2), from(7, 2)]);
  take(lab, 3);
  t.same(lab.takeTold(), [from(8, 3)]);
});

t.test("orders carry the chunks, and a spare that is not below the AP", async (t) => {
  const lab = streaming(6);
  lab.report(1, "initiated", { path: "wan" });
  t.match(lab.told[0]?.command, { order: { role: "primary" }, stream: { ...chunks, spare: null } });
  take(lab, 2, 3, 4, 5, 6);
  lab.takeTold();
  lab.report(6, "fetching", { path: "lan", tries: 1, reason: "primary-unreachable" });
  t.match(
    lab.told.splice(0).map(({ command }) => command),
    [{ order: { server: { address: "10.0.0.3" } }, stream: { spare: { address: "10.0.0.4" } } }],
  );
});

t.test("the chunks that become known later follow in a repeated order", async (t) => {
  const lab = streaming(3, false);
  lab.report(1, "initiated", { path: "wan" });
  t.match(
    lab.told.splice(0).map(({ command }) => command),
    [{ order: { role: "primary" }, stream: null }],
  );
  read(lab);
  t.match(lab.told[0]?.command, { order: { role: "primary" }, stream: chunks });
  t.same(lab.takeTold(), ["1 primary", from(2, 1), from(3, 1)]);
});

t.test("an AP that does not know chunks is served by a complete primary", async (t) => {
  const lab = streaming(3);
  lab.domain.apInventory(lab.now, mac(3), { ...lab.inventory({ number: 3 }), extensions: [] });
  lab.report(1, "initiated", { path: "wan" });
  t.same(lab.takeTold(), ["1 primary", from(2, 1)]);
  lab.domain.wanCarried(lab.now, mac(1), 1000, 1000);
  lab.report(1, "complete", { path: "wan", wanBytes: 1000 });
  t.match(
    lab.told.splice(0).map(({ command }) => command),
    [{ order: { role: "subordinate", server: { address: "10.0.0.1" } }, stream: null }],
  );
});

t.test("children of an AP that leaves, or fails them, get another parent", async (t) => {
  const lab = streaming(6);
  lab.report(1, "initiated", { path: "wan" });
  take(lab, 2, 3, 4);
  t.same(lab.takeTold().slice(-2), [from(5, 2), from(6, 2)]);
  take(lab, 5, 6);
  lab.leave(2);
  t.same(lab.takeTold(), [from(5, 3), from(6, 4)], "it may still fetch from the primary, which has no session to give");
  take(lab, 5, 6);
  lab.report(6, "fetching", { path: "lan", tries: 1, reason: "primary-unreachable" });
  t.same(lab.takeTold(), [from(6, 3)]);
});

t.test("the second AP that gets wrong chunks from one ends its serving", async (t) => {
  const lab = streaming(7);
  lab.report(1, "initiated", { path: "wan" });
  take(lab, 2, 3, 4);
  lab.takeTold();
  take(lab, 5, 6, 7);
  blame(lab, 5, 2);
  blame(lab, 5, 2);
  t.notOk(
    lab.events.some(({ type }) => type === "ap-distrusted"),
    "one AP alone may be mistaken",
  );
  blame(lab, 6, 2);
  t.match(
    lab.events.filter(({ type }) => type === "ap-distrusted"),
    [{ mac: mac(2) }],
  );
  t.notOk(lab.takeTold().some((told) => told.endsWith("from 10.0.0.2")));
});

t.test("a lost primary's successor is the AP with the most chunks", async (t) => {
  const lab = streaming(4);
  lab.report(1, "initiated", { path: "wan" });
  for (const [number, bytesDone] of [
    [2, 300],
    [3, 500],
    [4, 400],
  ] as const)
    lab.report(number, "fetching", { path: "lan", bytesDone, lanBytes: bytesDone });
  lab.do({ type: "group-set", group: "G", settings: { retryCount: 40 } });
  lab.takeTold();
  lab.fail(1, "flash-write-error");
  t.ok(lab.takeTold().includes("3 primary"));
});
