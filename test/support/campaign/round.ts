/** One round: a run of the branch with a new image, faults and acts in the middle of it, and the checks afterwards. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Prng } from "../../../src/base/prng.js";
import { must, until } from "../fleet.js";
import { actOf } from "./acts.js";
import { type ApNode, type Branch, groupName } from "./branch.js";
import { completeIsHeld, failuresHaveReasons, recordsEqualDisks, runningImages, runningUntouched } from "./checks.js";
import { faults } from "./faults.js";
import type { PlannedAct, PlannedFault, RoundPlan } from "./plan.js";
import { SessionWatch } from "./watch.js";

const sessionsMax = 3;
/** A run that has all its APs again ends within this, or it hangs. */
const runEndsMs = 150_000;
/** An AP that was away finds its controller within this. */
const backMs = 90_000;
/** Records follow what APs report. */
const settleMs = 30_000;

export interface RoundResult {
  readonly runState: string;
  /** Rules that were broken, in words. */
  readonly broken: readonly string[];
}

export async function playRound(branch: Branch, prng: Prng, plan: RoundPlan, version: string): Promise<RoundResult> {
  const broken: string[] = [];
  const models = [...new Set(branch.aps.map(({ plan: { model } }) => model))];
  const sha256 = await branch.addImage(models, plan.imageBytes, version);
  for (const order of [
    { type: "group-retry-count", group: groupName, retryCount: 2 + prng.below(20) },
    { type: "group-backoff", group: groupName, minSeconds: 0.2, maxSeconds: 0.6 },
  ] as const)
    must(await branch.admin.order(order));
  const before = await runningImages(branch);
  const watch = new SessionWatch(branch.aps, sessionsMax);
  must(await branch.admin.order({ type: "group-start", group: groupName, release: "primary" }));
  await Promise.all([
    ...plan.faults.map((fault) => inflict(branch, prng, sha256, fault)),
    ...plan.acts.map((act) => carryOut(branch, act, broken)),
  ]);
  // Until a moment after its disk was full, its orders are refused.
  await until("the controller can store", async () => must(await branch.admin.order({ type: "show-system" })).storage.state === "writable");
  const runState = (await allBack(branch, broken)) ? await runEnd(branch, broken) : undefined;
  broken.push(...(await watch.stop()));
  if (runState === undefined) return { runState: "running", broken };

  const rows = await settled(branch, broken);
  broken.push(...completeIsHeld(branch, rows, sha256, version), ...failuresHaveReasons(rows), ...branch.unexpectedEnds.splice(0));
  if (!plan.acts.some(({ act }) => actOf(act).reboots)) broken.push(...runningUntouched(branch, before));
  if (runState !== "complete" && !mayFail(plan)) broken.push(`the run is ${runState}, though nothing happened that an AP cannot get over`);
  if (plan.activates && broken.length === 0) await activate(branch, broken);
  return { runState, broken };
}

const mayFail = (plan: RoundPlan): boolean =>
  plan.faults.some(({ kind }) => faults[kind].mayFail) || plan.acts.some(({ act }) => actOf(act).mayFail);

async function inflict(branch: Branch, prng: Prng, sha256: string, { kind, target, atMs, ms }: PlannedFault): Promise<void> {
  const node = target === "controller" ? branch.controller : (branch.aps[target] as ApNode);
  await sleep(atMs);
  await faults[kind].run({ branch, node, prng, sha256, ms });
}

/** A refusal is an answer, and so is that the controller is away; what takes too long or is the controller's own fault is neither. */
async function carryOut(branch: Branch, { act, ap, atMs }: PlannedAct, broken: string[]): Promise<void> {
  await sleep(atMs);
  const answer = await actOf(act).run(branch, (branch.aps[ap] as ApNode).name);
  if (!answer.ok && answer.failure.code.startsWith("internal")) broken.push(`${act}: ${answer.failure.message}`);
}

/** Whether every AP is joined again, in time. */
async function allBack(branch: Branch, broken: string[]): Promise<boolean> {
  for (const deadline = performance.now() + backMs; performance.now() < deadline; await sleep(100)) {
    const rows = await branch.summary();
    if (rows.filter(({ state }) => state === "Joined").length >= branch.aps.length) return true;
  }
  const away = (await branch.summary()).filter(({ state }) => state !== "Joined").map(({ name }) => name);
  broken.push(`not joined ${backMs / 1000} s after the last fault: ${away.join(", ")}`);
  return false;
}

/** How the latest run ended; undefined where it did not in time. */
async function runEnd(branch: Branch, broken: string[]): Promise<string | undefined> {
  for (const deadline = performance.now() + runEndsMs; performance.now() < deadline; await sleep(100)) {
    const { run } = await branch.view();
    if (run !== null && run.state !== "running") return run.state;
  }
  broken.push(`the run did not end within ${runEndsMs / 1000} s: ${JSON.stringify((await branch.view()).run?.waits)}`);
  return undefined;
}

/** The controller's rows, once they say what is on the APs' disks. */
async function settled(branch: Branch, broken: string[]) {
  for (const deadline = performance.now() + settleMs; ; await sleep(200)) {
    await branch.allJoined();
    const rows = await branch.rows();
    const wrong = recordsEqualDisks(branch, rows);
    if (wrong.length === 0) return rows;
    if (performance.now() < deadline) continue;
    broken.push(...wrong);
    return rows;
  }
}

function bootVersion(branch: Branch, ap: ApNode): string | undefined {
  const { bootSlot, slots } = branch.bootRecord(ap);
  return slots[bootSlot]?.version;
}

/** Swap and reset: each AP comes back on the image that it said it would boot. */
async function activate(branch: Branch, broken: string[]): Promise<void> {
  // Refused for APs that hold nothing newer; they stay as they are.
  await branch.admin.order({ type: "ap-swap", ap: "all" });
  await settled(branch, broken);
  const next = new Map(branch.aps.map((ap) => [ap.plan.mac, bootVersion(branch, ap)]));
  await branch.admin.order({ type: "ap-reset", ap: "all" });
  for (const deadline = performance.now() + settleMs; ; await sleep(200)) {
    const rows = await branch.summary();
    const wrong = rows.filter(({ mac, runningVersion, state }) => state !== "Joined" || runningVersion !== next.get(mac));
    if (wrong.length === 0) return;
    if (performance.now() < deadline) continue;
    broken.push(...wrong.map(({ name, runningVersion, mac }) => `${name} runs ${runningVersion} after its reset, not ${next.get(mac)}`));
    return;
  }
}
