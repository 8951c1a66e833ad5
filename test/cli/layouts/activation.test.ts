import t from "tap";
import { activationLines, activationPreviewText, activationText } from "../../../src/cli/layouts/activation.js";
import type { ActivationReport } from "../../../src/core/controller/operator/views.js";

const none = { waiting: 0, underWay: 0, active: 0, failed: 0, skipped: 0 };
const report: ActivationReport = {
  id: 1,
  group: "branch-1",
  state: { phase: "batch", batch: 1, sequel: "continue" },
  options: { at: null, batch: { kind: "count", aps: 2 }, pauseSeconds: 60, failuresMax: 1, order: "name", canary: [], force: false },
  orderedAt: 0,
  startedAt: 0,
  counts: { waiting: 1, underWay: 1, active: 1, failed: 1, skipped: 0 },
  batches: [
    { canary: true, failuresMax: 0, counts: { ...none, active: 1, failed: 1 } },
    { canary: false, failuresMax: null, counts: { ...none, waiting: 1, underWay: 1 } },
  ],
  aps: [
    { mac: "00:0a:b8:00:00:01", name: "AP1", batch: 0, version: "8.10.183.0", phase: "active", reason: null },
    { mac: "00:0a:b8:00:00:02", name: "AP2", batch: 0, version: "8.10.183.0", phase: "failed", reason: "came back on 8.5.151.0" },
    { mac: "00:0a:b8:00:00:03", name: null, batch: null, version: null, phase: "skipped", reason: "not joined" },
  ],
};

t.test("show flexconnect group activation G", async (t) => {
  t.equal(
    activationText(report),
    `Group............................ branch-1
Activation....................... in batch 2 of 2
Started.......................... 1970-01-01T00:00:00.000Z
APs.............................. 1 active, 1 under way, 1 waiting, 1 failed
Failures Allowed................. 1
Pause Between Batches............ 60 s
Batch 1 (canary)................. 1 active, 1 failed
Batch 2.......................... 1 under way, 1 waiting

Batch AP-Name              Boots          State
----- -------------------- -------------- ----------
1     AP1                  8.10.183.0     active
1     AP2                  8.10.183.0     failed: came back on 8.5.151.0
-     00:0a:b8:00:00:03    -              skipped: not joined
`,
  );
});

t.test("config flexconnect group G activate preview", async (t) => {
  const ap = { mac: "00:0a:b8:00:00:01", name: "AP1", model: "AIR-AP2802I", from: "8.5.151.0", version: "8.10.183.0", primary: false };
  t.equal(
    activationPreviewText({
      group: "branch-1",
      objection: { code: "group-busy", message: "It is busy." },
      batches: [
        { canary: false, failuresMax: null, startsAfterSeconds: 0, aps: [ap] },
        { canary: false, failuresMax: null, startsAfterSeconds: 210, aps: [{ ...ap, name: "AP2", primary: true }] },
      ],
      skipped: [{ mac: "00:0a:b8:00:00:09", name: null, reason: "not joined to this controller" }],
      expectedSeconds: 360,
      assumedRebootSeconds: 120,
    }),
    `Group............................ branch-1
Batches.......................... 2
Expected Time.................... 360 s, with 120 s for each reboot

Batch AP-Name              Model              Runs           Boots          After
----- -------------------- ------------------ -------------- -------------- ----------
1     AP1                  AIR-AP2802I        8.5.151.0      8.10.183.0     +0 s
2     AP2 (primary)        AIR-AP2802I        8.5.151.0      8.10.183.0     +210 s
Without 00:0a:b8:00:00:09: not joined to this controller

Would be refused: It is busy. (group-busy)
`,
  );
});

t.test("group detail says what an activation did, and what comes next", async (t) => {
  const lines = (group: object): readonly string[] => activationLines({ name: "Branch 12", ...group } as never);
  t.same(lines({ activation: null, readyToActivate: 0 }), []);
  t.same(lines({ activation: null, readyToActivate: 12 }), [
    "",
    'Next Step........................ 12 APs hold an image that they do not run: config flexconnect group "Branch 12" activate',
  ]);
  t.same(lines({ activation: { ...report, state: { phase: "scheduled", at: 60_000 } }, readyToActivate: 0 }), [
    "",
    "Activation....................... scheduled for 1970-01-01T00:01:00.000Z; 1 active, 1 under way, 1 waiting, 1 failed",
  ]);
});
