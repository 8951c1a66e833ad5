/** The public layouts to the byte (upgrade-domain.md §2: captures of real controllers, kept in fixtures/cli). */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { apImageText } from "../../../src/cli/layouts/ap-image.js";
import { apStatusText, apSummaryText } from "../../../src/cli/layouts/ap-summary.js";
import { bootText } from "../../../src/cli/layouts/boot.js";
import { groupApsText, groupDetailText } from "../../../src/cli/layouts/group-detail.js";
import { groupSummaryText } from "../../../src/cli/layouts/group-summary.js";
import { imagesText } from "../../../src/cli/layouts/images.js";
import type { ApImageRow, ApSummaryRow, GroupView } from "../../../src/core/controller/operator/views.js";
import { idleRow } from "../../support/ap-image-row.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../../../fixtures/cli");
const fixture = (name: string): string => readFileSync(join(folder, name), "utf8");

const idle = idleRow({
  name: "ESP1-05-NAP01",
  mac: "00:0a:b8:3b:0b:c2",
  model: "AIR-AP2802I-E-K9",
  group: null,
  primaryImage: "8.5.161.0",
});
const noCounts = { initiated: 0, downloading: 0, predownloading: 0, completedPredownloading: 0, notSupported: 0, failedToPredownload: 0 };

t.test("show ap image all", async (t) => {
  const captured = fixture("show-ap-image-all.txt");
  const second = { ...idle, name: "ESP1-05-NAP02" };
  t.equal(apImageText({ total: 2, counts: noCounts, aps: [idle, second] }), captured);

  const busy: ApImageRow = {
    ...idle,
    role: "subordinateLocal",
    status: "Predownloading",
    version: "8.10.1.0",
    nextRetrySeconds: 123,
    retryCount: 2,
  };
  t.equal(
    apImageText({ total: 1, counts: { ...noCounts, predownloading: 1 }, aps: [busy] })
      .split("\n")
      .slice(2, 7)
      .join("\n"),
    "Number of APs\n\tInitiated....................................... 0\n\tDownloading..................................... 0\n\tPredownloading.................................. 1\n\tCompleted predownloading........................ 0",
  );
  t.equal(
    apImageText({ total: 1, counts: noCounts, aps: [busy] })
      .split("\n")
      .at(-2),
    "ESP1-05-NAP01      8.5.161.0      0.0.0.0        Predownloading  8.10.1.0       123              2                        ",
  );
});

t.test("show flexconnect group summary", async (t) => {
  const rows = [
    ["FlexCon Group - Grp1", 44],
    ["FlexCon Group - Grp2", 14],
    ["default-flex-group", 0],
    ["default-flex-group-1826280552", 0],
  ] as const;
  t.equal(
    groupSummaryText(rows.map(([name, apCount]) => ({ name, apCount, predownload: false, runState: null }))),
    fixture("show-flexconnect-group-summary.txt"),
  );
});

const group: GroupView = {
  name: "Branch 12",
  predownload: true,
  distribution: "classic",
  serveBytesPerSecondMax: null,
  primaryAddress: "session",
  retryCount: 44,
  backoffSecondsMin: 100,
  backoffSecondsMax: 300,
  wave2Refetch: true,
  wan: { fallback: "fallback", transfersMax: 10, bytesPerSecondMax: null, fallbackApsMax: null, fallbackBytesMax: null },
  aps: [
    { mac: "00:0a:b8:3b:0b:c2", name: "AP1200", model: "AIR-AP1200", status: "Joined", forcedSubordinate: false },
    { mac: "c4:71:fe:85:aa:90", name: "AP3600", model: "c3600I", status: "Joined", forcedSubordinate: false },
    { mac: "c4:71:fe:85:aa:91", name: null, model: null, status: "Not Joined", forcedSubordinate: true },
  ],
  models: [
    {
      family: "ap3g2",
      models: ["c3600I"],
      primary: { mac: "c4:71:fe:85:aa:90", name: "AP3600", model: "c3600I" },
      manual: false,
      warning: null,
      wanCopies: 1,
      wanBytes: 8388608,
      lanBytes: 16777216,
      wanWireBytes: 8472166,
      sessions: 2,
      sessionsPeak: 3,
      sessionsMax: 3,
      serving: [],
    },
  ],
  activation: null,
  readyToActivate: 0,
  run: {
    id: 7,
    state: "running",
    release: "primary",
    startedAt: 1_700_000_000_000,
    finishedAt: null,
    waits: [],
    stepsDown: [],
    counts: { None: 0, Initiated: 1, Predownloading: 1, Complete: 1, Failed: 0, NotSupported: 0 },
    wanBytes: 8388608,
    lanBytes: 16777216,
    wanWireBytes: 8472166,
    wanBytesSaved: 16777216,
  },
  transfers: [
    {
      mac: "00:0a:b8:3b:0b:c2",
      name: "AP1200",
      path: "lan",
      bytesDone: 2097152,
      bytesTotal: 8388608,
      bytesPerSecond: 1400000,
      secondsLeft: 5,
    },
    {
      mac: "c4:71:fe:85:aa:90",
      name: "AP3600",
      path: "wan",
      bytesDone: 0,
      bytesTotal: 8388608,
      bytesPerSecond: null,
      secondsLeft: null,
    },
  ],
};

t.test("show flexconnect group detail", async (t) => {
  t.equal(groupDetailText(group), fixture("show-flexconnect-group-detail.txt"));
  t.equal(groupApsText(group), fixture("show-flexconnect-group-aps.txt"));
  const vendorLines = fixture("show-flexconnect-group-detail-vendor.txt")
    .split("\n")
    .filter((line) => line !== "");
  const own = groupDetailText(group).split("\n");
  let at = -1;
  for (const line of vendorLines) {
    const found = own.indexOf(line, at + 1);
    t.ok(found > at, `"${line}" stands where the vendor's listing has it`);
    at = found;
  }
});

t.test("show boot", async (t) => {
  t.equal(bootText({ primary: "8.10.183.0", backup: "8.8.125.0" }), fixture("show-boot.txt"));
  t.match(
    bootText({ primary: null, backup: null }),
    /^Primary Boot Image\.{31} 0\.0\.0\.0 \(default\) \(active\)\nBackup Boot Image\.{32} 0\.0\.0\.0\n$/,
  );
});

const ap: ApSummaryRow = {
  name: "adam-ap-office",
  mac: "b0:aa:77:4e:07:f0",
  model: "AIR-CAP1702I-Z-K9",
  family: "ap3g2",
  address: "10.10.32.2",
  group: "Branch 12",
  state: "Joined",
  runningVersion: "8.5.161.0",
  joinedAt: 1_700_000_000_000,
  lastSeenAt: 1_700_000_000_000,
  serial: "FGL1",
  link: "dtls-psk",
  signature: "required",
  reset: { version: "8.10.1.0", state: "confirmed" },
};

t.test("show ap summary has the vendor's nine columns, joined APs alone", async (t) => {
  const away: ApSummaryRow = { ...ap, name: "away", state: "Not Joined", address: null };
  t.equal(apSummaryText([ap, away]), fixture("show-ap-summary.txt"));
  t.equal(apStatusText([ap, { ...away, group: null, reset: null }]), fixture("show-ap-status.txt"));
  const row = /^(\S+)\s+(\d+)\s+(\S+)\s+([a-fA-F0-9:.]+)\s+(.+?)\s+(\S+)\s+([a-fA-F0-9:.]+)\s+(\d+)\s+(.+?)\s*$/;
  t.match(apSummaryText([ap]).split("\n").at(-2), row, "the public template reads a row");
});

t.test("image ls", async (t) => {
  t.equal(
    imagesText([
      {
        id: "1",
        version: "8.10.1.0",
        release: "primary",
        models: ["AIR-AP2802I", "AIR-AP3802I"],
        families: ["ap3g3"],
        sizeBytes: 8388608,
        sha256: "ab".repeat(32),
        md5: "cd".repeat(16),
        fileName: "ap3g3.tar",
        addedAt: 0,
        signature: { securityVersion: 3, signedAt: 0 },
      },
    ]),
    fixture("image-ls.txt"),
  );
});
