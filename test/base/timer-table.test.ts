import t from "tap";
import { TimerTable } from "../../src/base/timer-table.js";
import fc from "../support/properties.js";

t.test("deadlines come due in order, equal ones in the order of setting", async (t) => {
  const timers = new TimerTable<string>();
  timers.set("late", 30);
  timers.set("b", 10);
  timers.set("a", 10);
  timers.set("late", 5);
  t.equal(timers.nextAt(), 5);
  t.equal(timers.takeDue(4), undefined);
  t.same([timers.takeDue(10), timers.takeDue(10), timers.takeDue(10), timers.takeDue(10)], ["late", "b", "a", undefined]);
  t.equal(timers.nextAt(), undefined);
});

t.test("clearing", async (t) => {
  const timers = new TimerTable<string>();
  timers.set("a", 1);
  timers.set("b", 2);
  timers.clear("a");
  timers.clear("nobody");
  t.equal(timers.has("a"), false);
  t.equal(timers.at("b"), 2);
  t.equal(timers.takeDue(9), "b");
  timers.set("c", 3);
  timers.clearAll();
  t.equal(timers.size, 0);
  t.equal(timers.nextAt(), undefined);
});

t.test("behaves as a sorted list would", async (t) => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), name: fc.nat(12), at: fc.nat(20) }),
    fc.record({ kind: fc.constant("clear" as const), name: fc.nat(12), at: fc.constant(0) }),
    fc.record({ kind: fc.constant("take" as const), name: fc.constant(0), at: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const timers = new TimerTable<number>();
      let model: { name: number; at: number }[] = [];
      for (const { kind, name, at } of operations) {
        if (kind === "take") {
          const earliest = Math.min(...model.map((entry) => entry.at));
          const due = earliest <= at ? model.find((entry) => entry.at === earliest) : undefined;
          if (timers.takeDue(at) !== due?.name) return false;
          model = model.filter((entry) => entry !== due);
        } else {
          model = model.filter((entry) => entry.name !== name);
          if (kind === "clear") timers.clear(name);
          else {
            timers.set(name, at);
            model.push({ name, at });
          }
        }
        if (timers.size !== model.length) return false;
        if (timers.nextAt() !== (model.length === 0 ? undefined : Math.min(...model.map((entry) => entry.at)))) return false;
      }
      return true;
    }),
  );
  t.pass();
});
