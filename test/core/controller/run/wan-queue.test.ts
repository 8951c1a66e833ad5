import t from "tap";
import { type MacAddress, macFromBytes } from "../../../../src/base/mac-address.js";
import { WanQueue } from "../../../../src/core/controller/run/wan-queue.js";
import fc from "../../../support/properties.js";

const mac = (number: number): MacAddress => macFromBytes(Uint8Array.from([0, 0, 0, 0, 0, number]));
const number = (text: MacAddress | undefined): number | undefined => (text === undefined ? undefined : Number.parseInt(text.slice(-2), 16));
const grants = (queue: WanQueue): (number | undefined)[] => {
  const granted: (number | undefined)[] = [];
  for (let next = queue.next(); next; next = queue.next()) granted.push(number(next));
  return granted;
};

t.test("first come, first served; primaries before fallbacks; groups in turn", async (t) => {
  const queue = new WanQueue(100, () => 100);
  for (const one of [1, 2, 3]) queue.ask(mac(one), "A", false);
  for (const one of [11, 12]) queue.ask(mac(one), "B", false);
  queue.ask(mac(4), "A", true);
  queue.ask(mac(1), "B", true);
  t.same(grants(queue), [4, 11, 1, 12, 2, 3]);
});

t.test("bounds over all and per group; a place freed goes to the next", async (t) => {
  const queue = new WanQueue(3, () => 2);
  for (const one of [1, 2, 3]) queue.ask(mac(one), "A", false);
  for (const one of [11, 12]) queue.ask(mac(one), "B", false);
  t.same(grants(queue), [1, 11, 2]);
  t.same([queue.running, queue.waiting], [3, 2]);
  queue.leave(mac(3));
  queue.leave(mac(1));
  t.same(grants(queue), [12]);
  queue.leave(mac(99));
  t.same([queue.running, queue.waiting], [3, 0]);
});

t.test("against a model: never above a bound, nobody lost, order kept within a group", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("ask" as const), who: fc.nat(20), lane: fc.nat(3), urgent: fc.boolean() }),
    fc.record({ do: fc.constant("leave" as const), who: fc.nat(20) }),
    fc.record({ do: fc.constant("next" as const) }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      (steps, allMax, laneMax) => {
        const queue = new WanQueue(allMax, () => laneMax);
        const waiting: { who: number; lane: number; urgent: boolean }[] = [];
        const running = new Map<number, number>();
        for (const act of steps) {
          if (act.do === "ask") {
            queue.ask(mac(act.who), String(act.lane), act.urgent);
            if (!running.has(act.who) && !waiting.some(({ who }) => who === act.who)) waiting.push(act);
          } else if (act.do === "leave") {
            queue.leave(mac(act.who));
            running.delete(act.who);
            const at = waiting.findIndex(({ who }) => who === act.who);
            if (at >= 0) waiting.splice(at, 1);
          } else {
            const inLane = (lane: number) => [...running.values()].filter((other) => other === lane).length;
            const open = waiting.filter(({ lane }) => inLane(lane) < laneMax);
            const granted = number(queue.next());
            if (running.size >= allMax || open.length === 0) {
              if (granted !== undefined) return false;
              continue;
            }
            const at = waiting.findIndex(({ who }) => who === granted);
            const one = waiting[at];
            if (!one || !open.includes(one)) return false;
            const ahead = waiting.slice(0, at).filter(({ lane, urgent }) => lane === one.lane && (urgent || !one.urgent));
            const urgentBehind = waiting.some(({ lane, urgent }) => lane === one.lane && urgent && !one.urgent);
            if (ahead.length > 0 || urgentBehind) return false;
            waiting.splice(at, 1);
            running.set(one.who, one.lane);
          }
          if (queue.running !== running.size || queue.waiting !== waiting.length) return false;
        }
        return true;
      },
    ),
  );
});
