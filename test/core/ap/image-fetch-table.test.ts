/** Every situation of a run against everything that can happen to it. */
import t from "tap";
import { type ApRun, lanOrder, type Situation, sha, situations, wanOrder } from "../../support/ap-run.js";

const otherServer = { address: "10.0.0.2", port: 69 };
const events = {
  "same order": (run: ApRun) => run.order(run.fetch.order ?? wanOrder),
  "order as fallback": (run: ApRun) => run.order({ ...wanOrder, role: "fallback" }),
  "other primary": (run: ApRun) => run.order({ ...lanOrder, server: otherServer }),
  "other run": (run: ApRun) => run.order({ ...lanOrder, runId: 8, sha256: sha("2") }),
  abort: (run: ApRun) => run.abort(run.fetch.order?.runId),
  "abort of another run": (run: ApRun) => run.abort(6),
  "abort of any run": (run: ApRun) => run.abort(0),
  "flash full": (run: ApRun) => run.storageFailed(),
  "session lost": (run: ApRun) => run.imageFailed("session-ended"),
  "controller refuses": (run: ApRun) => run.imageFailed("refused"),
  "controller aborts": (run: ApRun) => run.imageFailed("aborted"),
  block: (run: ApRun) => run.block(1000, 1000, false),
  "fetch busy": (run: ApRun) => run.fetchEnded("busy"),
  "wrong digest": (run: ApRun) => run.verified({ sizeBytes: 3000, sha256: sha("9"), md5: "" }),
  committed: (run: ApRun) => run.committed(),
  "fetch storage": (run: ApRun) => run.fetchEnded("storage"),
  "early wake": (run: ApRun) => run.event({ type: "wake" }),
} satisfies Record<string, (run: ApRun) => unknown>;
type Event = keyof typeof events;

/** State afterwards and what was done, in order; an event that is not listed changes nothing and does nothing. */
const table: Readonly<Record<Situation, Readonly<Partial<Record<Event, string>>>>> = {
  "no run": {
    "same order": "initiated: save-journal open-download",
    "order as fallback": "initiated: save-journal open-download",
    "other primary": "fetching: save-journal open-download",
    "other run": "fetching: save-journal open-download",
  },
  "wan opening": {
    "other primary": "fetching: discard-download save-journal open-download",
    "other run": "fetching: discard-download save-journal open-download",
    abort: "aborted: discard-download save-journal",
    "flash full": "failed: save-journal",
    "session lost": "initiated: discard-download save-journal",
    "controller refuses": "failed: discard-download save-journal",
    "controller aborts": "aborted: discard-download save-journal",
  },
  "wan asking": {
    "other primary": "fetching: cancel-image discard-download save-journal open-download",
    "other run": "fetching: cancel-image discard-download save-journal open-download",
    abort: "aborted: cancel-image discard-download save-journal",
    "flash full": "failed: cancel-image save-journal",
    "session lost": "initiated: discard-download save-journal",
    "controller refuses": "failed: discard-download save-journal",
    "controller aborts": "aborted: discard-download save-journal",
  },
  "wan receiving": {
    "other primary": "fetching: cancel-image discard-download save-journal open-download",
    "other run": "fetching: cancel-image discard-download save-journal open-download",
    abort: "aborted: cancel-image discard-download save-journal",
    "flash full": "failed: cancel-image save-journal",
    "session lost": "initiated: discard-download save-journal",
    "controller refuses": "failed: discard-download save-journal",
    "controller aborts": "aborted: discard-download save-journal",
    block: "fetching: write-chunk",
  },
  "wan verifying": {
    "other primary": "fetching: cancel-image discard-download save-journal open-download",
    "other run": "fetching: cancel-image discard-download save-journal open-download",
    abort: "aborted: cancel-image discard-download save-journal",
    "flash full": "failed: cancel-image save-journal",
    "wrong digest": "failed: block-stored discard-download save-journal",
  },
  "wan committing": {
    "other primary": "initiated: save-journal",
    "other run": "initiated: save-journal",
    abort: "aborted: save-journal",
    "flash full": "failed: cancel-image save-journal",
    committed: "complete: block-stored save-journal run-complete",
  },
  "wan session lost": {
    "same order": "initiated: save-journal open-download",
    "order as fallback": "initiated: save-journal open-download",
    "other primary": "fetching: discard-download save-journal open-download",
    "other run": "fetching: discard-download save-journal open-download",
    abort: "aborted: discard-download save-journal",
  },
  "lan opening": {
    "order as fallback": "initiated: discard-download save-journal open-download",
    "other primary": "fetching: discard-download save-journal open-download",
    "other run": "fetching: discard-download save-journal open-download",
    abort: "aborted: discard-download save-journal",
    "flash full": "failed: save-journal",
  },
  "lan receiving": {
    "order as fallback": "initiated: cancel-fetch discard-download save-journal open-download",
    "other primary": "fetching: cancel-fetch discard-download save-journal open-download",
    "other run": "fetching: cancel-fetch discard-download save-journal open-download",
    abort: "aborted: cancel-fetch discard-download save-journal",
    "flash full": "failed: cancel-fetch save-journal",
    "fetch busy": "waiting: discard-download save-journal",
  },
  "lan verifying": {
    "order as fallback": "initiated: discard-download save-journal open-download",
    "other primary": "fetching: discard-download save-journal open-download",
    "other run": "fetching: discard-download save-journal open-download",
    abort: "aborted: discard-download save-journal",
    "flash full": "failed: save-journal",
    "wrong digest": "waiting: discard-download save-journal",
  },
  "lan committing": {
    "order as fallback": "initiated: save-journal",
    "other primary": "initiated: save-journal",
    "other run": "initiated: save-journal",
    abort: "aborted: save-journal",
    "flash full": "failed: save-journal",
    committed: "complete: save-journal run-complete",
  },
  waiting: {
    "order as fallback": "initiated: discard-download save-journal open-download",
    "other primary": "fetching: discard-download save-journal open-download",
    "other run": "fetching: discard-download save-journal open-download",
    abort: "aborted: discard-download save-journal",
  },
  "needs-wan": {
    "same order": "fetching: save-journal open-download",
    "order as fallback": "initiated: discard-download save-journal open-download",
    "other primary": "fetching: save-journal open-download",
    "other run": "fetching: discard-download save-journal open-download",
    abort: "aborted: discard-download save-journal",
  },
  complete: {
    "same order": "complete: save-journal run-complete",
    "order as fallback": "complete: save-journal run-complete",
    "other primary": "complete: save-journal run-complete",
    "other run": "fetching: discard-download save-journal open-download",
    abort: "aborted: discard-download save-journal",
  },
  failed: {
    "same order": "initiated: save-journal open-download",
    "order as fallback": "initiated: save-journal open-download",
    "other primary": "fetching: discard-download save-journal open-download",
    "other run": "fetching: discard-download save-journal open-download",
    abort: "aborted: discard-download save-journal",
  },
  aborted: {
    "same order": "initiated: save-journal open-download",
    "order as fallback": "initiated: save-journal open-download",
    "other primary": "fetching: discard-download save-journal open-download",
    "other run": "fetching: discard-download save-journal open-download",
  },
  "other run behind a commit": {
    "order as fallback": "initiated: save-journal",
    "other primary": "initiated: save-journal",
    abort: "aborted: save-journal",
    "flash full": "fetching: save-journal open-download",
    committed: "fetching: save-journal open-download",
  },
  "aborted while committing": {
    "same order": "initiated: save-journal",
    "order as fallback": "initiated: save-journal",
    "other primary": "initiated: save-journal",
    "other run": "initiated: save-journal",
  },
};
const expected = (situation: Situation, event: Event): string | undefined =>
  table[situation][event === "abort of any run" ? "abort" : event];

t.test("situations and events", async (t) => {
  for (const situation of Object.keys(situations) as Situation[]) {
    for (const event of Object.keys(events) as Event[]) {
      const run = situations[situation]();
      const before = run.state;
      run.out = [];
      events[event](run);
      const nothing = `${before}:`;
      t.equal([`${run.state}:`, ...run.did].join(" "), expected(situation, event) ?? nothing, `${situation}, ${event}`);
    }
  }
});
