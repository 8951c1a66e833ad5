import t from "tap";
import { apImageText } from "../../../src/cli/layouts/ap-image.js";
import type { ApImageRow } from "../../../src/core/controller/operator/views.js";
import { idleRow } from "../../support/ap-image-row.js";

/** As public textfsm templates for `show ap image all` read a row: seven words, and nothing after the retry count. */
const rowRule = /^(\S+)\s+(\d\S*)\s+(\d\S*)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*$/;

const noCounts = {
  initiated: 0,
  downloading: 0,
  predownloading: 0,
  completedPredownloading: 0,
  notSupported: 0,
  failedToPredownload: 0,
};

t.test("each joined AP is a row of the seven classic columns, whatever its part in a run", async (t) => {
  const idle = idleRow({ name: "AP1", mac: "00:0a:b8:00:00:01", model: "AIR-AP2802I", group: "G", primaryImage: "8.5.161.0" });
  const parts: Partial<ApImageRow>[] = [
    {},
    { role: "primaryCentral", status: "Complete", version: "8.10.183.0", retryCount: 0, source: "wan" },
    { role: "subordinateLocal", status: "Predownloading", version: "8.10.183.0", retryCount: 2, nextRetrySeconds: 123 },
    { role: "subordinateCentral", status: "Failed", version: "8.10.183.0", retryCount: 44, failureReason: "transfer-timeout" },
    { status: "NotSupported" },
  ];
  const aps = parts.map((part, index): ApImageRow => ({ ...idle, name: `AP${index}`, ...part }));
  const text = apImageText({ total: aps.length, counts: noCounts, aps: [...aps, { ...idle, name: "gone", joined: false }] });
  const names = text.split("\n").flatMap((line) => rowRule.exec(line)?.[1] ?? []);
  t.same(
    names,
    aps.map(({ name }) => name),
  );
});
