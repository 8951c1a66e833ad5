import t from "tap";
import { EventHeap, type Scheduled } from "../../src/sim/event-heap.js";
import fc from "../support/properties.js";

t.test("events come out by instant, equal instants in the order of scheduling", async (t) => {
  const outcome = fc.check(
    fc.property(fc.array(fc.nat(9), { maxLength: 60 }), (instants) => {
      const heap = new EventHeap<Scheduled>();
      const events = instants.map((at, sequence) => ({ at, sequence }));
      for (const event of events) heap.push(event);
      const popped = events.map(() => heap.pop());
      const sorted = [...events].sort((a, b) => a.at - b.at || a.sequence - b.sequence);
      return popped.every((event, index) => event === sorted[index]) && heap.size === 0 && heap.pop() === undefined;
    }),
  );
  t.equal(outcome.failed, false, JSON.stringify(outcome.counterexample));
});
