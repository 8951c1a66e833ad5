import t from "tap";
import type { MachineOrder } from "../../../../src/core/controller/operator/orders.js";
import { branch, ControllerLab, digest, image, mac, start } from "../../../support/controller-lab.js";
import fc from "../../../support/properties.js";

/** The order, the code of its refusal, and a lab in which it is given. */
type Refusal = readonly [code: string, order: MachineOrder];

t.test("a refused order says why in one line and changes nothing", async (t) => {
  const lab = branch(2);
  lab.join({ number: 3, name: "twin" });
  lab.join({ number: 4, name: "TWIN" });
  lab.join({ number: 5 });
  lab.leave(5);
  lab.do({ type: "group-add", group: "idle" });
  const refusals: readonly Refusal[] = [
    ["group-exists", { type: "group-add", group: "G" }],
    ["bad-group-name", { type: "group-add", group: "" }],
    ["bad-group-name", { type: "group-add", group: " x" }],
    ["bad-group-name", { type: "group-add", group: "a/b" }],
    ["bad-group-name", { type: "group-add", group: "x".repeat(33) }],
    ["bad-group-name", { type: "group-add", group: "-x" }],
    ["unknown-group", { type: "group-delete", group: "g" }],
    ["unknown-group", { type: "group-start", group: "none", release: "primary" }],
    ["unknown-group", { type: "show-group", group: "none" }],
    ["bad-mac", { type: "group-ap-add", group: "G", mac: "00:11:22:33:44" }],
    ["ap-in-group", { type: "group-ap-add", group: "idle", mac: mac(1) }],
    ["ap-in-group", { type: "group-ap-add", group: "G", mac: mac(1) }],
    ["ap-not-in-group", { type: "group-ap-delete", group: "idle", mac: mac(1) }],
    ["ap-not-in-group", { type: "group-primary-add", group: "idle", ap: "ap1" }],
    ["unknown-ap", { type: "group-primary-add", group: "G", ap: "nobody" }],
    ["not-a-manual-primary", { type: "group-primary-remove", group: "G", ap: "ap1" }],
    ["not-a-forced-subordinate", { type: "group-subordinate-remove", group: "G", ap: "ap1" }],
    ["out-of-range", { type: "group-retry-count", group: "G", retryCount: 0 }],
    ["out-of-range", { type: "group-retry-count", group: "G", retryCount: 64 }],
    ["out-of-range", { type: "group-retry-count", group: "G", retryCount: 4.5 }],
    ["out-of-range", { type: "group-backoff", group: "G", minSeconds: 0.01, maxSeconds: 200 }],
    ["out-of-range", { type: "group-backoff", group: "G", minSeconds: 100, maxSeconds: 3601 }],
    ["out-of-range", { type: "group-backoff", group: "G", minSeconds: Number.NaN, maxSeconds: 200 }],
    ["backoff-order", { type: "group-backoff", group: "G", minSeconds: 200, maxSeconds: 200 }],
    ["out-of-range", { type: "group-wan", group: "G", wan: { transfersMax: 0 } }],
    ["out-of-range", { type: "group-wan", group: "G", wan: { bytesPerSecondMax: 999 } }],
    ["out-of-range", { type: "group-wan", group: "G", wan: { fallbackApsMax: -1 } }],
    ["predownload-disabled", { type: "group-start", group: "idle", release: "primary" }],
    ["no-image", { type: "group-start", group: "G", release: "backup" }],
    ["no-run", { type: "group-abort", group: "G" }],
    ["unknown-ap", { type: "ap-predownload", ap: "nobody", release: "primary" }],
    ["ap-not-joined", { type: "ap-predownload", ap: "ap5", release: "primary" }],
    ["no-image", { type: "ap-predownload", ap: "ap1", release: "backup" }],
    ["no-run", { type: "ap-predownload-abort", ap: "all" }],
    ["no-run", { type: "ap-predownload-abort", ap: "ap1" }],
    ["ambiguous-ap", { type: "ap-swap", ap: "Twin" }],
    ["ap-not-joined", { type: "ap-swap", ap: "ap5" }],
    ["backup-empty", { type: "ap-swap", ap: "ap1" }],
    ["all-refused", { type: "ap-swap", ap: "all" }],
    ["unknown-ap", { type: "ap-reset", ap: "nobody" }],
    ["unknown-ap", { type: "show-ap-image", ap: mac(77) }],
    ["unknown-image", { type: "image-remove", imageId: "primary-0" }],
    ["bad-image", { type: "image-add", image: image({ sizeBytes: 0 }) }],
    ["bad-image", { type: "image-add", image: image({ sizeBytes: 2 ** 32 }) }],
    ["bad-image", { type: "image-add", image: image({ version: "9 0" }) }],
    ["bad-image", { type: "image-add", image: image({ version: "0.0.0.0" }) }],
    ["bad-image", { type: "image-add", image: image({ version: "8.10.183.0a" }) }],
    ["bad-image", { type: "image-add", image: image({ version: "8..10" }) }],
    ["bad-image", { type: "image-add", image: image({ models: [] }) }],
    ["bad-image", { type: "image-add", image: image({ models: [" "] }) }],
    ["bad-image", { type: "image-add", image: image({ fileName: "../etc/passwd" }) }],
    ["bad-image", { type: "image-add", image: image({ sha256: "A".repeat(64) }) }],
  ];
  const before = JSON.stringify(lab.records);
  for (const [code, order] of refusals) {
    const result = lab.try(order);
    t.match(result, { ok: false, failure: { code, message: /^[^\n]+$/ } }, `${code}: ${JSON.stringify(order)}`);
  }
  t.equal(JSON.stringify(lab.records), before);
  t.same(lab.takeTold(), []);
});

t.test("limits of a group by platform", async (t) => {
  for (const [platform, limit] of [
    ["5508", 25],
    ["7510", 100],
    ["default", 100],
  ] as const) {
    const lab = new ControllerLab({ platform });
    lab.do({ type: "group-add", group: "G" });
    for (let number = 0; number < limit; number++) lab.do({ type: "group-ap-add", group: "G", mac: mac(number) });
    t.match(lab.try({ type: "group-ap-add", group: "G", mac: mac(limit) }), {
      failure: { code: "group-full", message: new RegExp(`${platform} takes ${limit} APs`) },
    });
    lab.do({ type: "group-ap-delete", group: "G", mac: mac(0) });
    t.equal(lab.code({ type: "group-ap-add", group: "G", mac: mac(limit) }), "ok");
  }
});

t.test("a controller of platform unlimited takes more APs in a group than the vendor's", async (t) => {
  const lab = new ControllerLab({ platform: "unlimited" });
  lab.do({ type: "group-add", group: "G" });
  for (let number = 0; number < 120; number++) lab.do({ type: "group-ap-add", group: "G", mac: mac(number) });
  t.equal(lab.do({ type: "show-group", group: "G" }).aps.length, 120);
});

t.test("against a model: a group never holds more than its platform allows, and an AP is in one group", async () => {
  const step = fc.record({ add: fc.boolean(), group: fc.constantFrom("A", "B"), ap: fc.nat(40) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 60, maxLength: 120 }), (steps) => {
      const lab = new ControllerLab({ platform: "5508" });
      const members = { A: new Set<number>(), B: new Set<number>() };
      for (const group of ["A", "B"]) lab.do({ type: "group-add", group });
      for (const { add, group, ap } of steps) {
        const own = members[group as "A" | "B"];
        const isTaken = members.A.has(ap) || members.B.has(ap);
        const expected = add ? (isTaken ? "ap-in-group" : own.size >= 25 ? "group-full" : "ok") : own.has(ap) ? "ok" : "ap-not-in-group";
        if (lab.code({ type: add ? "group-ap-add" : "group-ap-delete", group, mac: mac(ap) }) !== expected) return false;
        if (expected === "ok") add ? own.add(ap) : own.delete(ap);
      }
      return lab.group("A").aps.length === members.A.size && lab.group("B").aps.length === members.B.size;
    }),
    { numRuns: 30 },
  );
});

t.test("back-off below 100 s needs a lab", async (t) => {
  const order = { type: "group-backoff", group: "G", minSeconds: 1, maxSeconds: 2 } as const;
  const lab = branch(0);
  t.equal(lab.code(order), "ok");
  t.match(lab.group(), { backoffSecondsMin: 1, backoffSecondsMax: 2 });
  const real = branch(0, { lab: false });
  t.match(real.try(order), { failure: { code: "out-of-range", message: /100 to 3600/ } });
  lab.restart({ lab: false });
  t.match(lab.group(), { backoffSecondsMin: 100, backoffSecondsMax: 300 }, "what a lab stored ends with the lab");
  lab.do({ type: "group-backoff", group: "G", minSeconds: 200, maxSeconds: 400 });
  lab.restart();
  t.match(lab.group(), { backoffSecondsMin: 200, backoffSecondsMax: 400 });
});

t.test("primaries and subordinates by hand", async (t) => {
  const lab = branch(2);
  lab.join({ number: 3, model: "AIR-AP1832I" });
  lab.do({ type: "group-ap-add", group: "G", mac: mac(3) });
  const manuals = () => lab.group().models.map(({ family, primary, manual }) => `${family} ${primary?.name} ${manual}`);
  t.same(manuals(), ["ap1g4 ap3 false", "c3700 ap1 false"]);
  for (const ap of ["ap3", "ap2", "ap1"]) lab.do({ type: "group-primary-add", group: "G", ap });
  t.same(manuals(), ["ap1g4 ap3 true", "c3700 ap1 true"], "one manual primary for each model: the last one");
  lab.do({ type: "group-subordinate-add", group: "G", ap: "02-00-00-00-00-01" });
  t.same(manuals(), ["ap1g4 ap3 true", "c3700 ap2 false"], "a forced subordinate is not a manual primary");
  lab.do({ type: "group-primary-add", group: "G", ap: "ap1" });
  t.same(manuals(), ["ap1g4 ap3 true", "c3700 ap1 true"], "the last word counts");
  lab.do({ type: "group-primary-remove", group: "G", ap: "ap1" });
  t.same(manuals(), ["ap1g4 ap3 true", "c3700 ap1 false"], "back to the lowest MAC");
});

t.test("the catalogue", async (t) => {
  const lab = branch(1);
  const second = image({ version: "9.1", sha256: digest("c"), models: ["AIR-AP3702I", "ap3g3"] });
  const added = lab.do({ type: "image-add", image: second });
  t.match(added, { id: `primary-${"c".repeat(12)}`, families: ["c3700", "ap3g3"], addedAt: lab.now });
  t.same(lab.gone, [digest("a")], "the image that gave way is deleted");
  t.same(lab.do({ type: "show-images" }).length, 1);
  lab.now++;
  lab.do({ type: "image-add", image: image({ version: "8.0", sha256: digest("d"), release: "backup" }) });
  t.same(lab.do({ type: "show-boot" }), { primary: "9.1", backup: "8.0" });
  lab.now++;
  lab.do({ type: "image-add", image: image({ version: "9.2", sha256: digest("d") }) });
  t.same(
    lab.do({ type: "show-images" }).map(({ release, version, families }) => `${release} ${version} ${families}`),
    ["primary 9.1 ap3g3", "primary 9.2 c3700", "backup 8.0 c3700"],
    "an image loses only the families that another takes",
  );
  lab.do({ type: "image-remove", imageId: `backup-${"d".repeat(12)}` });
  t.same(lab.gone, [digest("a")], "the other release still holds the file");
  lab.do(start);
  t.equal(lab.code({ type: "image-remove", imageId: `primary-${"d".repeat(12)}` }), "image-in-use");
  t.equal(lab.code({ type: "image-add", image: image({ sha256: digest("e") }) }), "image-in-use");
  t.same(lab.gone, [digest("a"), digest("e")], "the file of a refused image is deleted");
  lab.do({ type: "group-abort", group: "G" });
  lab.do({ type: "image-remove", imageId: `primary-${"d".repeat(12)}` });
  t.same(lab.gone.at(-1), digest("d"));
});

t.test("the image added last gives a release its version, also when the clock was set back since", async (t) => {
  const lab = new ControllerLab();
  lab.do({ type: "image-add", image: image({ version: "9.0" }) });
  lab.now -= 86_400_000;
  lab.do({ type: "image-add", image: image({ version: "9.1", models: ["AIR-AP2802I"], sha256: digest("c") }) });
  t.equal(lab.do({ type: "show-boot" }).primary, "9.1");
});

t.test("a run that continues keeps group and feature as they are", async (t) => {
  const lab = branch(2);
  lab.do(start);
  t.equal(lab.code(start), "group-busy");
  t.equal(lab.code({ type: "group-delete", group: "G" }), "group-busy");
  t.equal(lab.code({ type: "group-predownload", group: "G", enabled: false }), "group-busy");
  t.equal(lab.code({ type: "ap-predownload", ap: "ap1", release: "primary" }), "ap-busy");
  for (const type of ["ap-swap", "ap-reset"] as const) t.equal(lab.code({ type, ap: "ap1" }), "ap-busy");
});

t.test("names", async (t) => {
  const lab = new ControllerLab();
  lab.join({ number: 1, name: "Lobby" });
  t.equal(lab.do({ type: "show-ap-image", ap: "lobby" }).aps[0]?.mac, mac(1));
  lab.join({ number: 1, name: "Hall" });
  t.equal(lab.code({ type: "show-ap-image", ap: "lobby" }), "unknown-ap");
  t.match(
    lab.events.filter(({ type }) => type === "ap-renamed"),
    [{ formerName: "Lobby", name: "Hall" }],
  );
  lab.join({ number: 2, name: "Hall" });
  t.same(
    lab.do({ type: "show-ap-image", ap: "hall" }).aps.map((row) => row.mac),
    [mac(1), mac(2)],
    "all that bear the name are shown",
  );
  const swap = { type: "ap-swap", ap: "hall" } as const;
  t.match(lab.try(swap), { failure: { code: "ambiguous-ap", message: new RegExp(`${mac(1)}, ${mac(2)}`) } }, "none is acted on");
  lab.do({ type: "group-add", group: "G" });
  lab.do({ type: "group-ap-add", group: "G", mac: mac(2) });
  t.match(lab.try(swap), { failure: { code: "backup-empty" } }, "but the one in a group is, whoever else takes its name");
  lab.join({ number: 2, name: mac(1) });
  t.equal(lab.do({ type: "show-ap-image", ap: mac(1) }).aps[0]?.name, "Hall", "a MAC address names an AP before a name does");
  lab.restart();
  t.same(
    lab.do({ type: "show-ap-summary" }).map(({ name, state }) => `${name} ${state}`),
    [`${mac(1)} Not Joined`, "Hall Not Joined"],
  );
});

t.test("what the operator set survives kill -9", async (t) => {
  const lab = branch(3);
  const orders: readonly MachineOrder[] = [
    { type: "group-primary-add", group: "G", ap: "ap2" },
    { type: "group-subordinate-add", group: "G", ap: "ap3" },
    { type: "group-retry-count", group: "G", retryCount: 7 },
    { type: "group-backoff", group: "G", minSeconds: 2, maxSeconds: 3 },
    { type: "group-wave2-refetch", group: "G", enabled: false },
    { type: "group-wan", group: "G", wan: { fallback: "wait", transfersMax: 2, bytesPerSecondMax: 5000, fallbackApsMax: 3 } },
    { type: "group-add", group: "to be deleted" },
    { type: "group-delete", group: "to be deleted" },
  ];
  for (const order of orders) lab.do(order);
  lab.leave(1, 2, 3);
  const seen = () => [
    lab.group(),
    lab.do({ type: "show-group-summary" }),
    lab.do({ type: "show-images" }),
    lab.do({ type: "show-ap-summary" }),
  ];
  const before = JSON.stringify(seen());
  lab.restart();
  t.equal(JSON.stringify(seen()), before);
});

t.test("1,000 APs are shown at once", async (t) => {
  const lab = new ControllerLab();
  lab.do({ type: "image-add", image: image() });
  for (let number = 0; number < 1000; number++) lab.join({ number });
  lab.do({ type: "ap-predownload", ap: "all", release: "primary" });
  t.match(lab.do({ type: "show-ap-image", ap: "all" }), { total: 1000, counts: { initiated: 1000 } });
  t.equal(lab.takeTold().length, 100, "as many as the bound lets in");
});

t.test("what only looks is no news", async (t) => {
  const lab = branch(2);
  lab.events.length = 0;
  const { groups } = lab.do({ type: "show-config" });
  lab.do({ type: "group-preview", group: "G", release: "primary" });
  lab.do({ type: "config-replace", groups, check: true });
  lab.do({ type: "show-boot" });
  t.same(lab.events, []);
  lab.do({ type: "group-retry-count", group: "G", retryCount: 7 });
  t.match(lab.events, [{ type: "order-done", order: "group-retry-count", target: "G" }]);
});

t.test("reports come some at a time, newest first", async (t) => {
  const lab = branch(1);
  for (let run = 0; run < 25; run++) {
    lab.do(start);
    lab.do({ type: "group-abort", group: "G" });
  }
  const ids = (more: object): number[] => lab.do({ type: "show-runs", group: null, ...more }).map(({ id }) => id);
  const newest = ids({ limit: 200 });
  t.equal(newest.length, 25);
  t.same(
    newest,
    newest.toSorted((a, b) => b - a),
  );
  t.same(ids({}), newest.slice(0, 20));
  t.same(ids({ before: newest[19] }), newest.slice(20));
  t.same(ids({ before: newest[0], limit: 2, group: "G" }), newest.slice(1, 3));
  t.same(ids({ before: 0 }), []);
});
