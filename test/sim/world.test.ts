import t from "tap";
import { InvariantError } from "../../src/base/invariant.js";
import { enforce } from "../../src/sim/checkers.js";
import { type Actor, World, worldEpoch } from "../../src/sim/world.js";

const recorder = (world: World, name: string, seen: string[]): Actor<string> => ({
  name,
  alive: true,
  take: (input) => {
    seen.push(`${world.elapsedMs} ${name} ${input}`);
  },
});

t.test("inputs reach their actors in the order of time, then of scheduling", async (t) => {
  const world = new World(1);
  const seen: string[] = [];
  const [a, b] = [recorder(world, "a", seen), recorder(world, "b", seen)];
  world.schedule(worldEpoch + 20, a, "late");
  world.schedule(worldEpoch + 10, b, "first");
  world.schedule(worldEpoch + 10, a, "second");
  world.schedule(worldEpoch - 5, a, "overdue");
  t.equal(
    world.runUntil(() => false, worldEpoch + 15),
    false,
  );
  t.same(seen, ["0 a overdue", "10 b first", "10 a second"]);
  world.runFor(100);
  t.same(seen.slice(3), ["20 a late"]);
  t.equal(world.elapsedMs, 110, "time passes although nothing happens");
});

t.test("an actor that has died takes nothing", async (t) => {
  const world = new World(1);
  const seen: string[] = [];
  const actor = { ...recorder(world, "a", seen) };
  world.post(actor, "one");
  world.schedule(world.now + 1, actor, "two");
  world.step();
  actor.alive = false;
  world.step();
  t.same(seen, ["0 a one"]);
  t.equal(world.eventsTaken, 1);
});

t.test("a check that fails names itself, the seed and the event", async (t) => {
  const world = new World(77);
  const seen: string[] = [];
  enforce(world, [{ name: "fewer than two", broken: () => (seen.length < 2 ? undefined : `${seen.length} seen`) }]);
  world.post(recorder(world, "a", seen), "one");
  world.schedule(world.now + 1500, recorder(world, "a", seen), "two");
  world.step();
  t.throws(() => world.step(), {
    name: "CheckFailed",
    check: "fewer than two",
    message: "fewer than two: 2 seen (seed 77, event 2, after 1.500 s)",
  });
});

t.test("a machine that keeps time from passing is found out", async (t) => {
  const world = new World(1);
  const spinner: Actor<undefined> = { name: "spinner", alive: true, take: () => world.post(spinner, undefined) };
  world.post(spinner, undefined);
  t.throws(() => world.runFor(1), InvariantError);
});

t.test("the trace hash is the same for the same happenings alone", async (t) => {
  const run = (inputs: readonly string[]): string => {
    const world = new World(1);
    for (const [index, input] of inputs.entries()) {
      world.trace.text(input);
      world.schedule(world.now + index, recorder(world, "a", []), input);
    }
    world.runFor(10);
    return world.trace.digest();
  };
  t.equal(run(["x", "y"]), run(["x", "y"]));
  t.not(run(["x", "y"]), run(["x", "z"]));
  t.not(run(["x", "y"]), run(["y", "x"]));
  t.match(run([]), /^[0-9a-f]{16}$/);
});
