/** The situations of one AP in a run, and what can happen to it: `member-table.test.ts` plays each against each. */

import type { ApReport } from "../../src/core/controller/ap-port.js";
import { labTimings } from "../../src/core/controller/timings.js";
import { branch, type ControllerLab, type LabAp, mac, servingBranch, start } from "./controller-lab.js";

/** A lab and the AP that the table is about. */
export interface Scene {
  readonly lab: ControllerLab;
  readonly ap: number;
}

const scene = (lab: ControllerLab, ap: number, ...steps: ((lab: ControllerLab, ap: number) => unknown)[]): Scene => {
  for (const step of steps) step(lab, ap);
  return { lab, ap };
};

type Step = (lab: ControllerLab, ap: number) => unknown;
const report =
  (state: ApReport["state"], change: Partial<ApReport> = {}): Step =>
  (lab, ap) =>
    lab.report(ap, state, change);
const leave: Step = (lab, ap) => lab.leave(ap);
const join =
  (change: Partial<LabAp> = {}): Step =>
  (lab, ap) =>
    lab.join({ number: ap, ...change });
const fetching = (path: "wan" | "lan") => report("fetching", { path, bytesDone: 100, [`${path}Bytes`]: 100 });
const outOfTries = report("needs-wan", { path: "lan", tries: 44, reason: "primary-busy", detail: "busy" });

const started = (count: number): ControllerLab => {
  const lab = branch(count);
  lab.do(start);
  return lab;
};
/** AP 9 has the only WAN place of the controller. */
const crowded = (count: number): ControllerLab => {
  const lab = branch(count, { wan: { transfersMax: 1, bytesPerSecondMax: null } });
  lab.join({ number: 9 });
  lab.do({ type: "ap-predownload", ap: mac(9), release: "primary" });
  lab.do(start);
  return lab;
};
/** AP 1 has the image and was ordered to serve it. */
const withHolder = (): ControllerLab => {
  const lab = branch(3);
  lab.join({ number: 1, backup: "a" });
  lab.do(start);
  return lab;
};
const queuedFallback = (): ControllerLab => {
  const lab = servingBranch(3);
  lab.do({ type: "group-wan", group: "G", wan: { transfersMax: 1 } });
  outOfTries(lab, 3);
  return lab;
};

/** Waits until the AP is given up, while AP 3 moves on. */
const givenUp: Step = (lab, ap) => {
  for (let bytes = 1; lab.row(ap).status !== "Failed"; bytes++) {
    lab.report(3, "fetching", { path: "lan", bytesDone: bytes, lanBytes: bytes });
    lab.pass(5_000);
  }
};

export const situations = {
  "in no run": () => scene(servingBranch(2), 7, join()),
  "primary queued": () => scene(crowded(3), 1),
  "primary queued, away": () => scene(crowded(3), 1, leave),
  "primary queued, back": () => scene(crowded(3), 1, leave, join()),
  "primary ordered": () => scene(started(3), 1),
  "primary fetching": () => scene(started(3), 1, fetching("wan")),
  "primary fetching, away": () => scene(started(3), 1, fetching("wan"), leave),
  "primary fetching, back": () => scene(started(3), 1, fetching("wan"), leave, join()),
  "primary told to serve": () => scene(withHolder(), 1),
  "primary serving": () => scene(servingBranch(3), 1),
  "primary serving, away": () => scene(servingBranch(3), 1, leave),
  "primary serving, back": () => scene(servingBranch(3), 1, leave, join({ backup: "a" })),
  "only candidate": () => scene(started(1), 1, fetching("wan")),
  pending: () => scene(started(3), 2),
  "pending, away": () => scene(started(3), 2, leave),
  ordered: () => scene(servingBranch(3), 2),
  fetching: () => scene(servingBranch(3), 2, fetching("lan")),
  "fetching, away": () => scene(servingBranch(3), 2, fetching("lan"), leave),
  "fetching, back": () => scene(servingBranch(3), 2, fetching("lan"), leave, join()),
  waiting: () => scene(servingBranch(3), 2, report("waiting", { path: "lan", tries: 1, nextRetryMs: 5_000, reason: "primary-busy" })),
  reminded: () => scene(servingBranch(2), 2, (lab) => lab.pass(labTimings.silenceMs)),
  "fetching from an absent primary": () => scene(servingBranch(3), 2, fetching("lan"), (lab) => lab.leave(1)),
  "fallback queued": () => scene(queuedFallback(), 2, outOfTries),
  "fallback queued, back": () => scene(queuedFallback(), 2, outOfTries, leave, join()),
  "fallback ordered": () => scene(servingBranch(3), 2, outOfTries),
  "fallback fetching": () => scene(servingBranch(3), 2, outOfTries, fetching("wan")),
  "fallback fetching, back": () => scene(servingBranch(3), 2, outOfTries, fetching("wan"), leave, join()),
  "over the WAN alone": () =>
    scene(branch(1), 2, join(), (lab) => lab.do({ type: "ap-predownload", ap: mac(2), release: "primary" }), fetching("wan")),
  complete: () => scene(servingBranch(3), 2, report("complete", { path: "lan", lanBytes: 1000 })),
  failed: () => scene(servingBranch(3), 2, (lab, ap) => lab.fail(ap, "not-enough-flash")),
  lost: () => scene(servingBranch(3), 2, givenUp),
  "lost, away": () => scene(servingBranch(3), 2, leave, givenUp),
  aborted: () => scene(servingBranch(3), 2, (lab, ap) => lab.do({ type: "ap-predownload-abort", ap: mac(ap) })),
  unsupported: () => {
    const lab = branch(2);
    lab.join({ number: 3, model: "ACME-1" });
    lab.do({ type: "group-ap-add", group: "G", mac: mac(3) });
    lab.do(start);
    return scene(lab, 3);
  },
  "in a run that ended": () => scene(started(1), 1, report("complete", { path: "wan", wanBytes: 1000 })),
} satisfies Record<string, () => Scene>;
export type Situation = keyof typeof situations;

/** What can happen to an AP without a session. */
export const whileAway: ReadonlySet<Happening> = new Set<Happening>([
  "joins",
  "joins with the image",
  "silence: grace",
  "silence: absent",
  "taken out",
  "group aborts",
  "controller restarts",
]);

const answer =
  (resultCode: number, reason?: "wrong-family" | "busy"): Step =>
  (lab, ap) => {
    if (lab.told.some(({ mac: to }) => to === mac(ap))) lab.answer(ap, resultCode, reason);
  };

export const events = {
  "answers success": answer(0),
  "answers already present": answer(17),
  "refuses, busy": answer(16, "busy"),
  "refuses for good": answer(16, "wrong-family"),
  "fetches over the WAN": fetching("wan"),
  "fetches over the LAN": fetching("lan"),
  waits: report("waiting", { path: "lan", tries: 2, nextRetryMs: 5_000, reason: "primary-busy" }),
  "out of tries": outOfTries,
  "complete over the WAN": report("complete", { path: "wan", wanBytes: 1000 }),
  "complete over the LAN": report("complete", { path: "lan", lanBytes: 1000 }),
  "LAN transfer fails": report("failed", { path: "lan", reason: "checksum-mismatch", detail: "test" }),
  "WAN transfer fails": report("failed", { path: "wan", reason: "checksum-mismatch", detail: "test" }),
  "WAN transfer breaks off": report("failed", { path: "wan", reason: "transfer-timeout", detail: "test" }),
  "fails for good": report("failed", { reason: "flash-write-error", detail: "test" }),
  "aborts by itself": report("aborted"),
  leaves: leave,
  joins: join(),
  "joins with the image": join({ backup: "a" }),
  "silence: resync": (lab) => lab.pass(labTimings.resyncMs),
  "silence: grace": (lab) => lab.pass(labTimings.primaryGraceMs),
  "silence: reminder": (lab) => lab.pass(labTimings.silenceMs),
  "silence: absent": (lab) => lab.pass(labTimings.absentMs),
  "taken out": (lab, ap) => lab.try({ type: "ap-predownload-abort", ap: mac(ap) }),
  "group aborts": (lab) => lab.try({ type: "group-abort", group: "G" }),
  "controller restarts": (lab) => lab.restart(),
} satisfies Record<string, Step>;
export type Happening = keyof typeof events;

interface MemberRowFacts {
  readonly phase: string;
  readonly role: string;
  readonly server: string | null;
  readonly refetch: boolean;
  readonly failedOrders: number;
  readonly fallbacks: number;
  readonly reason: string;
}
interface RunRowFacts {
  readonly id: number;
  readonly state: string;
  readonly families: readonly { readonly primary: string | null; readonly steppedDown: readonly string[] }[];
}

/** The AP's latest run and its part in it, as they are stored. */
export function stored({ lab, ap }: Scene): string {
  const row = lab.records.findLast(({ key }) => key.startsWith("member/") && key.endsWith(mac(ap)));
  if (!row) return "nothing";
  const member = row.value as MemberRowFacts;
  const run = lab.records.find(({ key }) => key === `run/${row.key.split("/")[1]}`)?.value as RunRowFacts;
  const counts = [member.failedOrders && `failed ${member.failedOrders}`, member.fallbacks && `fallbacks ${member.fallbacks}`];
  const primaries = run.families.map(({ primary }) => (primary === null ? "none" : Number.parseInt(primary.slice(-2), 16)));
  return [
    member.role,
    member.phase,
    member.reason === "none" ? "" : `(${member.reason})`,
    member.server === null ? "" : `of ${Number.parseInt(member.server.slice(-2), 16)}`,
    member.refetch ? "refetch" : "",
    ...counts,
    `| ${run.state}, primary ${primaries.join(" ")}`,
  ]
    .filter(Boolean)
    .join(" ");
}

/** What a happening leads to: the AP's part afterwards, then what APs are told. */
export function outcome(make: () => Scene, happening: Step): string {
  const played = make();
  const { lab, ap } = played;
  const before = new Set(lab.told);
  happening(lab, ap);
  lab.told.splice(0, lab.told.length, ...lab.told.filter((told) => !before.has(told)));
  const told = lab.takeTold();
  return `${stored(played)}${told.length === 0 ? "" : ` => ${told.join(", ")}`}`;
}
