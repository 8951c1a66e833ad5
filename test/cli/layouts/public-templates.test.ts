/**
 * Vendor tables as public textfsm templates for them read a row. A row that does not fit is passed over in silence, so every AP and group
 * must fit, whatever a network peer calls itself. The expressions are our own, written after what those templates accept.
 */
import t from "tap";
import { oneWord } from "../../../src/base/one-word.js";
import { apImageText } from "../../../src/cli/layouts/ap-image.js";
import { apSummaryText } from "../../../src/cli/layouts/ap-summary.js";
import { bootText } from "../../../src/cli/layouts/boot.js";
import { groupSummaryText } from "../../../src/cli/layouts/group-summary.js";
import type { ApImageRow, ApSummaryRow } from "../../../src/core/controller/operator/views.js";
import { idleRow } from "../../support/ap-image-row.js";
import fc from "../../support/properties.js";

/** Seven words, the images digits and dots, nothing after the retry count. */
const imageRow = /^(?<name>\S+)\s+(?<primary>[\d.]+)\s+(?<backup>[\d.]+)\s+\S+\s+\S+\s+\S+\s+\S+\s*$/;
const summaryRow = /^(?<name>\S+)\s+\d+\s+(?<model>\S+)\s+[a-fA-F\d:.]+\s+.+?\s+\S+\s+[a-fA-F\d:.]+\s+\d+\s+.+?\s*$/;
/** Read before the rows, so that a group is never one of them. */
const groupRule = /^-+/;
const groupRow = /^(?<name>.*\S)\s+(?<aps>\d+)/;
const bootRow = /^(?<image>\S+\s+\S+\s+[A-Za-z]+)\.+\s+(?<version>\S+)\s*(?:\(\S+\)\s*(?:\(\S+\))?)?$/;

const matches = (text: string, rule: RegExp): Record<string, string | undefined>[] =>
  text.split("\n").flatMap((line) => {
    const groups = rule.exec(line)?.groups;
    return groups === undefined ? [] : [groups];
  });

const noCounts = { initiated: 0, downloading: 0, predownloading: 0, completedPredownloading: 0, notSupported: 0, failedToPredownload: 0 };
const idle = idleRow({ name: "AP1", mac: "00:0a:b8:00:00:01", model: "AIR-AP2802I", group: "G", primaryImage: "8.5.161.0" });
const summary: ApSummaryRow = {
  name: "AP1",
  mac: "00:0a:b8:00:00:01",
  model: "AIR-AP2802I",
  family: "ap3g3",
  address: "10.0.0.1",
  group: null,
  state: "Joined",
  runningVersion: "8.5.161.0",
  joinedAt: 0,
  lastSeenAt: 0,
  serial: "S",
  link: null,
  signature: null,
  reset: null,
};

/** A line of text that a peer may send. */
const anyText = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1 }).map((text) => text.replaceAll("\n", " ")),
  fc.constantFrom("Lobby 2nd floor", "AP.with.dots....", "Number of APs", "-dash", "8.10.183.0", "NA", "a\u00a0b", "日本 AP"),
);
const named = anyText.filter((text) => text.trim() !== "");

t.test("each joined AP is a row of show ap image, whatever its part in a run", async (t) => {
  const parts: Partial<ApImageRow>[] = [
    {},
    { role: "primaryCentral", status: "Complete", version: "8.10.183.0", retryCount: 0, source: "wan" },
    { role: "subordinateLocal", status: "Predownloading", version: "8.10.183.0", retryCount: 2, nextRetrySeconds: 123 },
    { role: "subordinateCentral", status: "Failed", version: "8.10.183.0", retryCount: 44, failureReason: "transfer-timeout" },
    { status: "NotSupported" },
  ];
  const aps = parts.map((part, index): ApImageRow => ({ ...idle, name: `AP${index}`, ...part }));
  const text = apImageText({ total: aps.length, counts: noCounts, aps: [...aps, { ...idle, name: "gone", joined: false }] });
  t.same(
    matches(text, imageRow).map(({ name }) => name),
    aps.map(({ name }) => name),
  );
});

t.test("no name and no version takes an AP out of show ap image", async (t) => {
  fc.assert(
    fc.property(named, anyText, anyText, anyText, (name, primaryImage, backupImage, version) => {
      const ap = { ...idle, name: oneWord(name), primaryImage, backupImage, version };
      t.equal(matches(apImageText({ total: 1, counts: noCounts, aps: [ap] }), imageRow).length, 1);
    }),
  );
  const lettered = { ...idle, primaryImage: "8.10.183.0a", backupImage: "trunk-4711" };
  t.match(matches(apImageText({ total: 1, counts: noCounts, aps: [lettered] }), imageRow), [{ primary: "8.10.183.0", backup: "0.0.0.0" }]);
});

t.test("no name, model or address takes an AP out of show ap summary", async (t) => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant("fe80::1%eth0"), fc.constant(null));
  fc.assert(
    fc.property(named, named, address, (name, model, address) => {
      t.equal(matches(apSummaryText([{ ...summary, name, model, address }]), summaryRow).length, 1);
    }),
  );
});

t.test("groups with blanks and numbers in their names", async (t) => {
  const groups = ["Branch 12", "x 0", "# Aps", "Group-with-(odd)[chars]_&%$", "12"].map((name) => ({
    name,
    apCount: 7,
    predownload: false,
    runState: null,
  }));
  const rows = groupSummaryText(groups)
    .split("\n")
    .slice(2)
    .filter((line) => !groupRule.test(line));
  t.same(
    matches(rows.join("\n"), groupRow).map(({ name, aps }) => [name, aps]),
    groups.map(({ name }) => [name, "7"]),
  );
});

t.test("both releases", async (t) => {
  t.match(matches(bootText({ primary: "8.10.183.0", backup: null }), bootRow), [
    { image: "Primary Boot Image", version: "8.10.183.0" },
    { image: "Backup Boot Image", version: "0.0.0.0" },
  ]);
});
