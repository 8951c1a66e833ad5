/** A process full of APs: each is a whole `flexup ap` with sockets, folder and address of its own, only without a process of its own. */
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startAp } from "../../src/daemon/ap.js";
import { readApSettings } from "../../src/daemon/ap-config.js";
import { Log } from "../../src/runtime/log.js";
import type { CrowdPlan } from "./crowd.js";

/** Started at one moment, so that the controller is not asked by all at once. */
const startedAtOnce = 20;

const log = new Log({ component: "controller", level: "silent" });
process.once("disconnect", () => process.exit());

const [plan] = (await once(process, "message")) as [CrowdPlan];
const waiting = [...plan.aps];

async function startOneByOne(): Promise<void> {
  for (let ap = waiting.shift(); ap !== undefined; ap = waiting.shift()) {
    const data = join(plan.folder, ap.name);
    mkdirSync(data);
    const settings = readApSettings({ ...ap, data, controller: plan.controller, tftpPort: "0", ...plan.options });
    if (!settings.ok) throw new Error(settings.failure.message);
    const started = await startAp(settings.value, log);
    if (!started.ok) throw new Error(started.failure.message);
  }
}

await Promise.all(Array.from({ length: startedAtOnce }, startOneByOne));
process.send?.("started");
