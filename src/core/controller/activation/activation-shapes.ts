/** The stored shapes of an activation and of its APs. */
import {
  anyText,
  count,
  fields,
  listOf,
  macAddress,
  nullable,
  number,
  oneOf,
  type Shape,
  sha256Hex,
  tagged,
  yesNo,
} from "../../../base/shape.js";
import type {
  ActivationApRecord,
  ActivationApState,
  ActivationBatch,
  ActivationOptions,
  ActivationRecord,
  BatchRule,
  BootedImage,
  RolloutPhase,
} from "./activation.js";
import type { ActivationState } from "./activation-state.js";

type Tagged<Union, Tag extends string, Word extends string> = Extract<Union, { readonly [T in Tag]: Word }>;
type Rule<Kind extends BatchRule["kind"]> = Tagged<BatchRule, "kind", Kind>;
type State<Phase extends ActivationState["phase"]> = Tagged<ActivationState, "phase", Phase>;
type ApState<Phase extends ActivationApState["phase"]> = Tagged<ActivationApState, "phase", Phase>;

const only = <Word extends string>(word: Word): Shape<Word> => oneOf({ [word]: 1 } as Record<Word, 1>);

const rule = tagged<"kind", BatchRule>("kind", {
  count: fields<Rule<"count">>({ kind: only("count"), aps: count }),
  percent: fields<Rule<"percent">>({ kind: only("percent"), percent: number }),
  phases: fields<Rule<"phases">>({ kind: only("phases"), phases: listOf(fields<RolloutPhase>({ percent: number, failuresMax: count })) }),
});

const options = fields<ActivationOptions>({
  at: nullable(number),
  batch: rule,
  pauseSeconds: number,
  failuresMax: count,
  order: oneOf({ name: 1, random: 1 }),
  canary: listOf(macAddress),
  force: yesNo,
});

const batch = fields<ActivationBatch>({ canary: yesNo, aps: listOf(macAddress), failuresMax: nullable(count) });

const state = tagged<"phase", ActivationState>("phase", {
  scheduled: fields<State<"scheduled">>({ phase: only("scheduled"), at: number }),
  batch: fields<State<"batch">>({ phase: only("batch"), batch: count, sequel: oneOf({ continue: 1, pause: 1, abort: 1 }) }),
  between: fields<State<"between">>({ phase: only("between"), batch: count, until: number }),
  held: fields<State<"held">>({ phase: only("held"), batch: count, after: oneOf({ canary: 1, pause: 1 }) }),
  ended: fields<State<"ended">>({
    phase: only("ended"),
    at: number,
    outcome: oneOf({ complete: 1, partial: 1, stopped: 1, aborted: 1 }),
    reason: anyText,
  }),
});

export const activationShape = fields<ActivationRecord>({
  id: count,
  group: anyText,
  options,
  orderedAt: number,
  startedAt: nullable(number),
  batches: listOf(batch),
  state,
});

const underWay = { since: number, orders: count };

export const activationApShape = fields<ActivationApRecord>({
  mac: macAddress,
  batch: nullable(count),
  image: nullable(fields<BootedImage>({ version: anyText, sha256: sha256Hex })),
  state: tagged<"phase", ActivationApState>("phase", {
    waiting: fields<ApState<"waiting">>({ phase: only("waiting") }),
    swapping: fields<ApState<"swapping">>({ phase: only("swapping"), ...underWay }),
    resetting: fields<ApState<"resetting">>({ phase: only("resetting"), ...underWay }),
    booting: fields<ApState<"booting">>({ phase: only("booting"), ...underWay }),
    settling: fields<ApState<"settling">>({ phase: only("settling"), steadyAt: number, ...underWay }),
    active: fields<ApState<"active">>({ phase: only("active"), at: number }),
    failed: fields<ApState<"failed">>({ phase: only("failed"), at: number, reason: anyText }),
    skipped: fields<ApState<"skipped">>({ phase: only("skipped"), at: number, reason: anyText }),
  }),
});
