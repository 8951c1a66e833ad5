/** Rows: what the compiler and the reader refuse, and that everything a controller writes can be read. */
import t from "tap";
import type { Outbox } from "../../../src/core/controller/outbox.js";
import { readRecords, type StoredState } from "../../../src/core/controller/read-records.js";
import type { GroupRecord, StoredRecord } from "../../../src/core/controller/records.js";
import { toFormat3 } from "../../../src/core/controller/row-migrations.js";
import { rowKey, rowKinds } from "../../../src/core/controller/row-table.js";
import type { Member } from "../../../src/core/controller/run/run.js";
import { readyBranch } from "../../support/activation-lab.js";
import { image, mac } from "../../support/controller-lab.js";

/** Every kind of row, as a controller wrote it. */
function written(): StoredRecord[] {
  const lab = readyBranch(2);
  lab.do({ type: "image-add", image: image({ sha256: "ab".repeat(32) }), bundle: { text: "{}", securityVersion: 1, signedAt: 5 } });
  lab.ask({ type: "ap-reset", ap: mac(1) });
  lab.do({ type: "group-activate", group: "G" });
  return [...lab.records, { key: "run-number-start", value: 7 }];
}

function read(records: readonly StoredRecord[]): StoredState {
  const state = readRecords(records);
  if ("unreadable" in state) throw new Error(`${state.unreadable.key}: ${state.unreadable.detail}`);
  return state;
}

const unreadable = (records: readonly StoredRecord[]): unknown => {
  const state = readRecords(records);
  return "unreadable" in state ? state.unreadable : "read";
};

t.test("what a controller writes of each kind is read, in any order", async (t) => {
  const records = written();
  const kinds = new Set(records.map(({ key }) => key.split("/")[0]));
  t.same([...kinds].sort(), Object.keys(rowKinds).sort(), "every kind is there");
  const state = read(records.reverse());
  t.equal(state.runNumberStart, 7);
  t.equal(state.runs[0]?.members.size, 2);
  t.equal(state.groups[0]?.name, "G");
});

t.test("a row that is not understood is refused with its key", async (t) => {
  const records = written();
  const row = (key: string): StoredRecord => records.find((record) => record.key === key) as StoredRecord;
  const changed = (key: string, change: object): StoredRecord[] => [
    ...records.filter((record) => record.key !== key),
    { key, value: { ...(row(key).value as object), ...change } },
  ];
  const member = `member/1/${mac(2)}`;
  t.same(unreadable(changed("group/G", { colour: "red" })), { key: "group/G", detail: "colour: unknown field" });
  t.same(unreadable(changed(`ap/${mac(1)}`, { slots: {} })), { key: `ap/${mac(1)}`, detail: "slots.primary: missing field" });
  t.match(unreadable(changed(member, { phase: "paused" })), { key: member, detail: /^phase: expected pending or / });
  t.same(unreadable(changed(member, { family: "ap9" })), { key: member, detail: "run 1 has no family ap9" });
  const runless = records.filter(({ key }) => key !== "run/1");
  t.match(unreadable(runless), { key: /^member\/1\//, detail: "there is no run 1" });
  for (const [key, detail] of [
    ["licence/1", "unknown kind of row"],
    ["toString", "unknown kind of row"],
    ["run/01", "not a valid key"],
    ["run/1/ap/00:0a:b8:3b:0b:c2", "not a valid key"],
    ["ap/000ab83b0bc2", "not a valid key"],
    ["member/1", "not a valid key"],
    ["group/", "not a valid key"],
  ] as const)
    t.same(unreadable([...records, { key, value: {} }]), { key, detail });
  t.match(unreadable([{ key: "x\u001b[2J\n", value: 1 }]), { key: "x [2J" }, "nothing steers the terminal that shows it");
});

/** The compiler checks this one: an error that is no longer one fails the build. */
export const refusedByTheCompiler = (outbox: Outbox, group: GroupRecord): void => {
  // @ts-expect-error: retryCount
  outbox.put("group", "G", { ...group, retryCuont: 3 });
  // @ts-expect-error: group
  outbox.put("gruop", "G", group);
  // @ts-expect-error: the id of a member names its run
  outbox.remove("member", mac(1));
};

t.test("a key is the kind and the id", async (t) => {
  t.equal(rowKey("group", "Branch 1"), "group/Branch 1");
  t.equal(rowKey("member", { runId: 3, mac: mac(1) }), `member/3/${mac(1)}`);
  t.equal(rowKey("run-number-start", ""), "run-number-start");
});

t.test("format 3: rows of the first two formats get what they lack", async (t) => {
  const former = written().flatMap(({ key, value }): StoredRecord[] => {
    const [kind, runId, ap] = key.split("/");
    if (kind !== "member") return [{ key, value }];
    const { wanSentBytes: _, wanWireBytes: __, fallbacks: ___, ...fields } = value as Member;
    return [{ key: `run/${runId}/ap/${ap}`, value: { ...fields, fellBack: ap === mac(2) } }];
  });
  const migrated = [...former, { key: "format", value: 1 }].map(toFormat3).filter((record) => record !== null);
  t.match(
    [1, 2].map((number) => read(migrated).runs[0]?.members.get(mac(number))),
    [
      { wanSentBytes: 0, wanWireBytes: 0, fallbacks: 0 },
      { wanSentBytes: 0, wanWireBytes: 0, fallbacks: 1 },
    ],
  );
});
