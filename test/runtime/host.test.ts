import t from "tap";
import type { Machine, Wake } from "../../src/base/machine.js";
import { Host } from "../../src/runtime/host.js";

interface Say {
  readonly type: "say";
  readonly text: string;
}
type Input = Say | Wake;

/** A machine whose steps and deadlines the test writes. */
class Script implements Machine<Input, string> {
  wakeAt: number | undefined;
  readonly seen: string[] = [];
  readonly #react: (input: Input, out: string[], machine: Script) => void;

  constructor(react: (input: Input, out: string[], machine: Script) => void) {
    this.#react = react;
  }
  step(_now: number, input: Input, out: string[]): void {
    this.seen.push(input.type === "say" ? input.text : "wake");
    this.#react(input, out, this);
  }
  nextWakeAt(): number | undefined {
    return this.wakeAt;
  }
}

const say = (text: string): Say => ({ type: "say", text });
const neverFatal = (error: unknown): void => {
  throw error;
};

t.test("effects are performed in order, and inputs delivered from within wait their turn", async (t) => {
  const performed: string[] = [];
  const machine = new Script((input, out) => {
    if (input.type === "say" && input.text === "first") out.push("a", "b");
    else out.push("c");
  });
  const host: Host<Input, string> = new Host({
    machine,
    clock: { now: () => 0 },
    perform: (effect) => {
      performed.push(effect);
      if (effect === "a") host.deliver(say("second"));
    },
    onFatal: neverFatal,
  });
  t.teardown(() => host.stop());
  host.deliver(say("first"));
  t.same(performed, ["a", "b", "c"]);
  t.same(machine.seen, ["first", "second"]);
});

t.test("a promise is a barrier for every later effect but not for inputs", async (t) => {
  const performed: string[] = [];
  let fsynced = (): void => {};
  const machine = new Script((input, out) => {
    if (input.type === "say") out.push(...(input.text === "order" ? ["persist", "send"] : ["late"]));
  });
  const host: Host<Input, string> = new Host({
    machine,
    clock: { now: () => 0 },
    perform: (effect) => {
      performed.push(effect);
      return effect === "persist"
        ? new Promise<void>((resolve) => {
            fsynced = resolve;
          })
        : undefined;
    },
    onFatal: neverFatal,
  });
  t.teardown(() => host.stop());
  host.deliver(say("order"));
  host.deliver(say("other"));
  t.same(machine.seen, ["order", "other"]);
  t.same(performed, ["persist"], "nothing passes the barrier");
  fsynced();
  await new Promise(setImmediate);
  t.same(performed, ["persist", "send", "late"]);
});

t.test("the timer wakes the machine at its deadline and not before", async (t) => {
  let now = 1000;
  const woken = new Promise<number>((resolve) => {
    const machine = new Script((input, _out, self) => {
      if (input.type === "say") self.wakeAt = 1005;
      else {
        self.wakeAt = undefined;
        resolve(now);
      }
    });
    const host = new Host<Input, string>({ machine, clock: { now: () => now }, perform: () => {}, onFatal: neverFatal });
    t.teardown(() => host.stop());
    host.deliver(say("arm"));
    // The clock of this test stands still through the first firings of the timer.
    setTimeout(() => {
      t.same(machine.seen, ["arm"], "an early firing wakes nobody");
      now = 1006;
    }, 20);
  });
  t.equal(await woken, 1006);
});

t.test("a deadline that moves nearer moves the timer", async (t) => {
  const started = performance.now();
  await new Promise<void>((resolve) => {
    const machine = new Script((input, _out, self) => {
      if (input.type === "wake") {
        self.wakeAt = undefined;
        resolve();
      } else self.wakeAt = input.text === "far" ? started + 3_600_000 : started + 5;
    });
    const host = new Host<Input, string>({ machine, clock: { now: () => performance.now() }, perform: () => {}, onFatal: neverFatal });
    t.teardown(() => host.stop());
    host.deliver(say("far"));
    host.deliver(say("near"));
  });
  t.pass("woken");
});

t.test("a deadline beyond what setTimeout takes is armed in pieces", async (t) => {
  const machine = new Script((_input, _out, self) => {
    self.wakeAt = 2 ** 40;
  });
  const host = new Host<Input, string>({ machine, clock: { now: () => 0 }, perform: () => {}, onFatal: neverFatal });
  t.teardown(() => host.stop());
  host.deliver(say("arm"));
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.same(machine.seen, ["arm"], "setTimeout would have fired at once");
});

t.test("a throw in a step, a throw in an effect and a rejected barrier stop the host once", async (t) => {
  for (const kind of ["step", "effect", "barrier"]) {
    const errors: unknown[] = [];
    const machine = new Script((_input, out) => {
      if (kind === "step") throw new Error(kind);
      out.push("x", "y");
    });
    const performed: string[] = [];
    const host = new Host<Input, string>({
      machine,
      clock: { now: () => 0 },
      perform: (effect) => {
        performed.push(effect);
        if (kind === "effect") throw new Error(kind);
        return Promise.reject(new Error(kind));
      },
      onFatal: (error) => errors.push(error),
    });
    host.deliver(say("go"));
    await new Promise(setImmediate);
    host.deliver(say("again"));
    t.same(
      errors.map((error) => (error as Error).message),
      [kind],
    );
    t.equal(host.stopped, true);
    t.same(machine.seen, ["go"], "a stopped host takes nothing");
    t.notOk(performed.includes("y"), "what follows the failure is not performed");
  }
});
