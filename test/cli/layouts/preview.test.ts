import t from "tap";
import { previewText } from "../../../src/cli/layouts/preview.js";
import type { GroupPreview } from "../../../src/core/controller/operator/views.js";

const preview: GroupPreview = {
  group: "branch-1",
  release: "primary",
  objection: null,
  models: [
    {
      family: "ap3g3",
      models: ["AIR-AP2802I"],
      primary: { mac: "00:0a:b8:00:00:01", name: "AP1", model: "AIR-AP2802I" },
      manual: false,
      warning: null,
      warnings: [],
      image: { version: "8.10.183.0", sizeBytes: 1000 },
      subordinates: 3,
      alreadyHolding: 1,
      expectedFallbacks: 0,
      wanBytes: 1000,
      expectedSeconds: 12,
    },
  ],
  wanBytes: 1000,
  wanBytesWithoutFeature: 4000,
  expectedSeconds: 12,
  distributions: [
    { distribution: "classic", expectedSeconds: 12, wanBytes: 1000, expectedFallbacks: 0, limitedBy: "wan" },
    { distribution: "assigned", expectedSeconds: null, wanBytes: 0, expectedFallbacks: 0, limitedBy: null },
  ],
  link: { wanBytesPerSecond: 2_500_000, lanBytesPerSecond: 1_400_000 },
  wanRate: { bytesPerSecond: 2_500_000, boundBy: "link" },
  firstSteps: [],
  skipped: [],
};

t.test("show flexconnect group G preview primary", async (t) => {
  const text = previewText({
    ...preview,
    skipped: [{ mac: "00:0a:b8:00:00:09", name: null, reason: "not joined to this controller" }],
    objection: { code: "peer-differs", message: "The peer holds other images." },
  });
  t.equal(
    text,
    [
      "Group............................ branch-1",
      "Image............................ primary",
      "WAN Bytes........................ 1000 instead of 4000",
      "Expected Time.................... 12 s to the last AP",
      "With a WAN Link of............... 2500000 bytes/s",
      "With a LAN Transfer at........... 1400000 bytes/s",
      "",
      "Family       Version        Master-AP-Name     By LAN Has It WAN Bytes    Fallback",
      "------------ -------------- ------------------ ------ ------ ------------ --------",
      "ap3g3        8.10.183.0     AP1                3      1      1000         0",
      "",
      "Distribution Time         Fallback WAN Bytes      Limited By",
      "------------ ------------ -------- -------------- ----------",
      "classic      12 s         0        1000           wan",
      "assigned     none         0        0              -",
      "Without 00:0a:b8:00:00:09: not joined to this controller",
      "",
      "Would be refused: The peer holds other images. (peer-differs)",
      "",
    ].join("\n"),
  );
  t.match(previewText({ ...preview, expectedSeconds: null }), /^Expected Time\.+ no AP would fetch anything$/m);
});
