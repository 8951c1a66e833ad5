/**
 * The contract between a machine and its host.
 *
 * A **machine** is protocol logic without a world: no socket, clock, disk, timer or randomness of its own. It is
 * synchronous and deterministic: the same inputs at the same instants give the same effects, whoever hosts it. A **host**
 * is a world around one machine: `runtime/host.ts` with real sockets and disks, `sim/node-host.ts` with virtual ones.
 * Large machines (`core/controller`, `core/ap`) are built from child machines with plain methods `(now, …, out)`; those
 * follow the same rules towards their parent, and only the outermost one is hosted.
 *
 * ## What a host calls, and when
 *
 * 1. **Input**: `step(now, input, out)`, one at a time and never from within another `step`. What comes up while effects are
 *    performed is queued and stepped afterwards. A machine with a `boot` or `start` input gets that first, exactly once.
 * 2. **Effects**: after each `step`, the host performs everything in `out`, front to back. `out` is the host's array; the
 *    machine only appends, so a host may reuse it.
 * 3. **Time**: after each `step`, and only then, the answer of `nextWakeAt()` may have changed. The host keeps one timer
 *    for it and steps with {@link wake} when it is due. It never has to ask again in between.
 * 4. **Queries**: what else a machine offers is read-only (`serving()`, `bytesDone`, `streamable`): callable at any moment
 *    between two steps, without effect and without `now`. Everything else about a machine's state is private; what others
 *    need to know leaves it as an effect.
 *
 * Asynchronous work (disk, name look-up, a handshake) is an effect and, when it has ended, a later input that names it. The
 * machine takes other inputs meanwhile, so such an answer may arrive after the question has lost its point: a machine
 * ignores answers to what it no longer asks. A machine that has given its last effect (`reboot`, `halt`, a transfer's
 * end) ignores every later input.
 *
 * ## Why the order of effects matters: persist, then send
 *
 * Some effects are **barriers** (`persist`, the AP's `save-…`): what stands behind one must not happen before it is durable.
 * A peer that heard of a decision acts on it, and no crash can take that back; a decision that was stored and not yet sent
 * is merely sent again. So an AP never learns of an order, and an operator of an answer, that the next boot does not know.
 *
 * A host holds back everything behind an unfinished barrier, the effects of later steps included, and meanwhile continues to
 * deliver inputs. A barrier that fails ends the host: it must not perform what stood behind it. After a crash a new machine
 * boots from what was stored, which is the outcome of some prefix of the effects given before. A machine must boot from every
 * such prefix; the simulator's power cuts look for one that it does not.
 *
 * ## Time
 *
 * - `now` never decreases from one step to the next, not even after the system's clock was set back (`base/time.ts`). It may
 *   repeat, and it may leap: a laptop slept, a process was stopped.
 * - Deadlines are absolute. A wake that comes early changes nothing; one that comes late, by however much, fires everything
 *   that is due. Steps other than wakes do not have to fire what is overdue, so the host wakes
 *   a machine whose `nextWakeAt()` is already past.
 * - `undefined` means that the machine waits for inputs alone. An instant at or before `now` asks for a wake at once; a
 *   machine must not keep asking after a wake that changed nothing (the simulator ends such a run).
 *
 * ## Bytes and failures
 *
 * An input and the bytes inside it stay unchanged while the machine may refer to them. CAPWAP machines keep views of a
 * datagram (reassembly, `write-chunk`), so their hosts give each datagram memory of its own; TFTP machines keep none
 * once the effects of the step are performed, so their hosts may recycle buffers. Bytes in an effect are not changed once given.
 *
 * No input makes `step` throw: malformed or hostile bytes are a value, a refusal is an effect. A throw is a bug of ours
 * (`invariant.ts`), after which the machine's state means nothing and the host stops it for good.
 */
import type { Instant } from "./time.js";

/** `Input` and `Effect` are closed unions discriminated by `type`. */
export interface Machine<Input, Effect> {
  /** Takes one input and appends effects to `out`, in the order in which they must happen. */
  step(now: Instant, input: Input, out: Effect[]): void;
  /** When the machine wants its next `{ type: "wake" }`, or undefined when it waits for inputs alone. */
  nextWakeAt(): Instant | undefined;
}

export interface Wake {
  readonly type: "wake";
}

/** The one wake value; machines compare nothing but its type. */
export const wake: Wake = Object.freeze({ type: "wake" });
