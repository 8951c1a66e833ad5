import t from "tap";
import {
  type ActivationEvent,
  type ActivationState,
  type BatchVerdict,
  nextActivationState,
} from "../../../../src/core/controller/activation/activation-state.js";

const now = 1_000;
const goesWell: BatchVerdict = { stop: null, isCanary: false, isLast: false, isComplete: false };

const states = {
  scheduled: { phase: "scheduled", at: 900 },
  batch: { phase: "batch", batch: 1, sequel: "continue" },
  "batch, then pause": { phase: "batch", batch: 1, sequel: "pause" },
  "batch, then abort": { phase: "batch", batch: 1, sequel: "abort" },
  between: { phase: "between", batch: 2, until: 2_000 },
  canary: { phase: "held", batch: 1, after: "canary" },
  paused: { phase: "held", batch: 2, after: "pause" },
  ended: { phase: "ended", at: 500, outcome: "complete", reason: "" },
} as const satisfies Record<string, ActivationState>;

const over = (verdict: Partial<BatchVerdict>): ActivationEvent => ({
  type: "batch-over",
  verdict: { ...goesWell, ...verdict },
  pauseMs: 60_000,
});
const events = {
  started: { type: "started" },
  refused: { type: "refused", reason: "none" },
  over: over({}),
  "over, canary": over({ isCanary: true }),
  "over, too many failures": over({ stop: "2 APs failed", isLast: true }),
  "over, last": over({ isLast: true, isComplete: true }),
  "over, last, some failed": over({ isLast: true }),
  "pause-over": { type: "pause-over" },
  pause: { type: "pause" },
  resume: { type: "resume" },
  abort: { type: "abort" },
} as const satisfies Record<string, ActivationEvent>;

/** Everything that is not here means nothing in its state. */
const expected: { readonly [S in keyof typeof states]: { readonly [E in keyof typeof events]?: string } } = {
  scheduled: { started: "batch 0", refused: "stopped", abort: "aborted" },
  batch: {
    over: "between 2",
    "over, canary": "held 2 canary",
    "over, too many failures": "stopped",
    "over, last": "complete",
    "over, last, some failed": "partial",
    pause: "batch 1 pause",
    abort: "batch 1 abort",
  },
  "batch, then pause": {
    over: "held 2 pause",
    "over, canary": "held 2 canary",
    "over, too many failures": "stopped",
    "over, last": "complete",
    "over, last, some failed": "partial",
    resume: "batch 1",
    abort: "batch 1 abort",
  },
  "batch, then abort": {
    over: "aborted",
    "over, canary": "aborted",
    "over, too many failures": "stopped",
    "over, last": "complete",
    "over, last, some failed": "partial",
  },
  between: { "pause-over": "batch 2", resume: "batch 2", pause: "held 2 pause", abort: "aborted" },
  canary: { resume: "batch 1", abort: "aborted" },
  paused: { resume: "batch 2", abort: "aborted" },
  ended: {},
};

function words(state: ActivationState | undefined): string | undefined {
  switch (state?.phase) {
    case "batch":
      return state.sequel === "continue" ? `batch ${state.batch}` : `batch ${state.batch} ${state.sequel}`;
    case "between":
      return `between ${state.batch}`;
    case "held":
      return `held ${state.batch} ${state.after}`;
    case "ended":
      return state.outcome;
    default:
      return state?.phase;
  }
}

t.test("each state with each event", async (t) => {
  for (const [stateName, state] of Object.entries(states))
    for (const [eventName, event] of Object.entries(events)) {
      const next = expected[stateName as keyof typeof states][eventName as keyof typeof events];
      t.equal(words(nextActivationState(now, state, event)), next, `${stateName} × ${eventName}`);
    }
});

t.test("when a pause ends, and when it ended", async (t) => {
  t.match(nextActivationState(now, states.batch, events.over), { until: now + 60_000 });
  t.match(nextActivationState(now, states.batch, events["over, too many failures"]), { at: now, reason: "2 APs failed" });
});
