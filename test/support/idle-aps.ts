/** A worker thread of joined APs that fetch nothing: what they wait for their echoes is the controller's doing alone. */
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { Endpoint } from "../../src/base/endpoint.js";
import { LightAp } from "./light-ap.js";

const { controller, count, firstIndex, net } = workerData as { controller: Endpoint; count: number; firstIndex: number; net: number };
const aps = Array.from(
  { length: count },
  (_, at) => new LightAp({ index: firstIndex + at, address: `127.${net}.9.${at + 1}`, controller }),
);
for (const ap of aps) await ap.start();
/** On a busy machine the first echo may come after all that it was to be disturbed by. */
const everyEcho = async (): Promise<void> => {
  while (aps.some(({ echoMs }) => echoMs.length === 0)) await sleep(20);
};
parentPort?.on("message", async () => {
  await everyEcho();
  parentPort?.postMessage({ echoMs: aps.flatMap((ap) => ap.echoMs), sessionsLost: aps.reduce((sum, ap) => sum + ap.sessionsLost, 0) });
  for (const ap of aps) ap.close();
  parentPort?.close();
});
