import type { Instant } from "../base/time.js";

export interface Scheduled {
  readonly at: Instant;
  /** Order of scheduling: equal instants happen in this order. */
  readonly sequence: number;
}

/** A binary heap by (instant, sequence). `push` and `pop` cost O(log n). */
export class EventHeap<Event extends Scheduled> {
  readonly #events: Event[] = [];

  get size(): number {
    return this.#events.length;
  }

  peek(): Event | undefined {
    return this.#events[0];
  }

  push(event: Event): void {
    const events = this.#events;
    let index = events.length;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = events[parentIndex] as Event;
      if (!before(event, parent)) break;
      events[index] = parent;
      index = parentIndex;
    }
    events[index] = event;
  }

  pop(): Event | undefined {
    const events = this.#events;
    const first = events[0];
    const moved = events.pop();
    if (first === undefined || moved === undefined || events.length === 0) return first;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      const left = events[childIndex];
      if (left === undefined) break;
      const right = events[childIndex + 1];
      let child = left;
      if (right !== undefined && before(right, left)) {
        child = right;
        childIndex += 1;
      }
      if (!before(child, moved)) break;
      events[index] = child;
      index = childIndex;
    }
    events[index] = moved;
    return first;
  }
}

const before = (a: Scheduled, b: Scheduled): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
