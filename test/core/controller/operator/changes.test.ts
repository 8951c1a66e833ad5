import t from "tap";
import { ControllerLab, digest, image } from "../../../support/controller-lab.js";

t.test("an order's answer carries what it changed, and nothing else does", async (t) => {
  const lab = new ControllerLab();
  t.match(lab.changes({ type: "group-add", group: "Branch" }), [{ kind: "group", name: "Branch", change: "added" }]);
  t.same(lab.changes({ type: "group-retry-count", group: "Branch", retryCount: 20 }), [
    { kind: "group", name: "Branch", change: "set", setting: "retryCount", before: 44, after: 20 },
  ]);
  t.same(lab.changes({ type: "group-retry-count", group: "Branch", retryCount: 20 }), [], "the same again changes nothing");
  t.same(lab.changes({ type: "group-retry-count", group: "Branch", retryCount: 64 }), [], "a refusal changes nothing");
  t.same(lab.changes({ type: "group-ap-add", group: "Branch", mac: "00:0a:b8:00:00:01" }), [
    { kind: "group", name: "Branch", change: "set", setting: "aps", before: [], after: ["00:0a:b8:00:00:01"] },
  ]);
  t.same(lab.changes({ type: "show-group", group: "Branch" }), []);
  t.match(lab.changes({ type: "group-delete", group: "Branch" }), [{ kind: "group", name: "Branch", change: "removed" }]);
});

t.test("an image that gives way to another is among the changes", async (t) => {
  const lab = new ControllerLab();
  lab.do({ type: "image-add", image: image({ sha256: digest("a") }) });
  const changes = lab.changes({ type: "image-add", image: image({ sha256: digest("c"), version: "9.1" }) });
  t.same(
    changes.map(({ kind, change }) => [kind, change]),
    [
      ["image", "removed"],
      ["image", "added"],
    ],
  );
});

t.test("a configuration put in place at once reports each group as it was before and is after", async (t) => {
  const lab = new ControllerLab();
  for (const group of ["A", "B"]) lab.do({ type: "group-add", group });
  const [a] = lab.do({ type: "show-config" }).groups;
  if (a === undefined) throw new Error("no group");
  const order = { type: "config-replace", groups: [{ ...a, retryCount: 5 }] } as const;
  t.same(lab.changes({ ...order, check: true }), [], "a check changes nothing");
  t.match(lab.changes({ ...order, check: false }), [
    { kind: "group", name: "A", change: "set", setting: "retryCount", before: 44, after: 5 },
    { kind: "group", name: "B", change: "removed" },
  ]);
});

t.test("what a start does to stored settings is no order's change", async (t) => {
  const lab = new ControllerLab({ lab: true });
  lab.do({ type: "group-add", group: "A" });
  lab.do({ type: "group-backoff", group: "A", minSeconds: 0.5, maxSeconds: 1 });
  lab.restart({ lab: false });
  t.same(lab.changes({ type: "group-retry-count", group: "A", retryCount: 9 }).length, 1);
});
