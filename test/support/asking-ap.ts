/**
 * An AP as a process that asks its controller something every 100 ms and says on standard output, as JSON lines, how long the answers
 * took and when its transfer and it itself were ended. Started by tests inside a network namespace.
 *
 *     asking-ap ADDRESS CONTROLLER_ADDRESS PORT
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LightAp } from "./light-ap.js";

const [address = "", controller = "", port = ""] = process.argv.slice(2);
const ap = new LightAp({ index: 0, address, controller: { address: controller, port: Number(port) } });
const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
await ap.start();
while (!ap.running) await sleep(20);
say({ joined: true });
// Kept over the rounds: the end may come while an answer is awaited as well as in the pause behind it.
let saidFailedAt: number | undefined;
while (ap.resetAt === undefined) {
  const ms = await ap.ask();
  say({ answeredMs: ms, imageBytes: ap.imageBytes });
  if (ap.failedAt !== saidFailedAt) {
    saidFailedAt = ap.failedAt;
    say({ failedAt: saidFailedAt });
  }
  await sleep(100);
}
say({ resetAt: ap.resetAt });
process.exit(0);
