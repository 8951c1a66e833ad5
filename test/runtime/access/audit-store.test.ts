import t from "tap";
import { AuditStore } from "../../../src/runtime/access/audit-store.js";
import { openStore } from "../../../src/runtime/controller/store/open-store.js";
import { temporaryFolder } from "../../support/folder.js";

const refusal = (at: number, over: object = {}) =>
  ({
    at,
    who: "noc",
    from: "192.0.2.1",
    what: "group-add g",
    before: null,
    after: { refused: "x" },
    kind: "refused",
    sameAs: "group-add",
    ...over,
  }) as const;
const act = (at: number) => ({ at, who: "noc", from: "192.0.2.1", what: "group-add g", before: null, after: {}, kind: "act" }) as const;

t.test("equal refusals are one entry with a count, for ten minutes", async (t) => {
  const folder = temporaryFolder(t);
  const opened = openStore(folder);
  if (!opened.ok) throw new Error(opened.failure.message);
  const audit = new AuditStore(opened.value);
  for (let at = 0; at < 500; at++) audit.write(refusal(at));
  audit.write(refusal(500, { who: "other" }));
  audit.write(act(501));
  audit.write(act(502));
  audit.write(refusal(503));
  audit.write(refusal(600_000));
  t.same(
    audit.entries(10).map(({ kind, who, count, at, lastAt }) => [kind, who, count, at, lastAt]),
    [
      ["refused", "noc", 1, 600_000, 600_000],
      ["act", "noc", 1, 502, 502],
      ["act", "noc", 1, 501, 501],
      ["refused", "other", 1, 500, 500],
      ["refused", "noc", 501, 0, 503],
    ],
  );
  opened.value.close();
  const again = openStore(folder);
  t.ok(again.ok, "counts are sealed like everything else");
  if (again.ok) {
    t.equal(new AuditStore(again.value).entries(10).at(-1)?.count, 501);
    again.value.close();
  }
});

t.test("refusals of one kind never push out acts", async (t) => {
  const opened = openStore(temporaryFolder(t));
  if (!opened.ok) throw new Error(opened.failure.message);
  const { value: store } = opened;
  const audit = new AuditStore(store);
  audit.write(act(1));
  store.database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000)
    INSERT INTO audit (at, who, origin, what, before, after, kind) SELECT i, 'x', 'y', 'z', 'null', 'null', 'refused' FROM n`);
  audit.write(refusal(30_000));
  t.equal(audit.entries(1000, 2)[0]?.kind, "act");
  const counts = store.database.prepare("SELECT kind, count(*) AS n FROM audit GROUP BY kind ORDER BY kind").all();
  t.same(counts, [
    { kind: "act", n: 1 },
    { kind: "refused", n: 20_000 },
  ]);
  store.close();
});
