import t from "tap";
import { failure } from "../../../src/base/failure.js";
import { type MacAddress, parseMac } from "../../../src/base/mac-address.js";
import type { ControllerEvent } from "../../../src/core/controller/events.js";
import { measureController } from "../../../src/runtime/metrics/controller-metrics.js";
import { Metrics } from "../../../src/runtime/metrics/metrics.js";

function macOf(number: number): MacAddress {
  const mac = parseMac(`00005e00530${number}`);
  if (mac === undefined) throw new Error("no MAC address");
  return mac;
}

t.test("image bytes are counted once, by path, to the last one, over restarts of APs and of the controller", async (t) => {
  const metrics = new Metrics("controller");
  let tell: (event: ControllerEvent) => void = () => {};
  const host = {
    onEvent: (listener: typeof tell) => {
      tell = listener;
      return () => {};
    },
    order: async () => failure("controller-stopping", "no views here"),
  };
  measureController(metrics, host, () => 1_000);
  const counted = async (name: string): Promise<string[]> =>
    (await metrics.text()).split("\n").filter((line) => line.startsWith(`flexup_${name}`));
  const progress = (runId: number, number: number, wanBytes: number, lanBytes: number, tries = 0): void => {
    const mac = macOf(number);
    tell({
      type: "ap-progress",
      runId,
      mac,
      path: "wan",
      bytesDone: wanBytes,
      bytesTotal: 1000,
      tries,
      nextRetryAt: null,
      wanBytes,
      lanBytes,
    });
  };
  tell({ type: "run-started", runId: 2, group: "G", release: "primary" });
  progress(2, 1, 300, 0);
  progress(2, 1, 700, 0);
  // It lost power and continues in the middle: what counts is what went to it.
  progress(2, 1, 900, 0);
  const mac = macOf(1);
  const end = { type: "ap-phase", runId: 2, mac, role: "primary", phase: "complete", reason: "none", detail: "" } as const;
  tell({ ...end, wanBytes: 1_050, lanBytes: 0 });
  progress(2, 2, 0, 400, 2);
  progress(2, 2, 0, 1_000, 3);
  // A run that was going on before this process began.
  progress(1, 3, 500, 0, 7);
  progress(1, 3, 800, 0, 8);
  t.same(await counted("image_bytes_total"), [
    'flexup_image_bytes_total{path="wan",daemon="controller"} 1350',
    'flexup_image_bytes_total{path="lan",daemon="controller"} 1000',
  ]);
  t.same(await counted("tries_total"), ['flexup_tries_total{daemon="controller"} 4']);
});
