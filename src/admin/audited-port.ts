/** An operator port for one caller: refuses what the role does not allow, and every act leaves an audit entry with what it changed. */
import { failure, type Result } from "../base/failure.js";
import type { Difference } from "../core/controller/operator/differences.js";
import type { ResultOf } from "../core/controller/operator/order-results.js";
import type { Order } from "../core/controller/operator/orders.js";
import type { NewAuditEntry } from "../runtime/access/audit-store.js";
import type { ControllerPort, OperatorPort } from "./operator-port.js";
import { type Caller, callerText, mayAct, type Role } from "./roles.js";
import { orderRoutes } from "./routes.js";

export type WriteAudit = (entry: Omit<NewAuditEntry, "at">) => void;

const roleFor = (order: Order): Role => (order.type === "image-add" ? "operator" : orderRoutes[order.type].role);

export class AuditedPort implements OperatorPort {
  readonly #controller: ControllerPort;
  readonly #whoNow: () => Caller | undefined;
  readonly #from: string;
  readonly #write: WriteAudit;

  /** @param whoNow asked at each order, for a terminal stays open for hours and an upload takes minutes; undefined once the login has ended */
  constructor(controller: ControllerPort, whoNow: () => Caller | undefined, from: string, write: WriteAudit) {
    this.#controller = controller;
    this.#whoNow = whoNow;
    this.#from = from;
    this.#write = write;
  }

  async order<T extends Order>(order: T): Promise<Result<ResultOf<T["type"]>>> {
    const needed = roleFor(order);
    const caller = this.#whoNow();
    if (caller === undefined) return failure("not-logged-in", "This login has ended; log in again");
    if (needed === "read-only") return this.#controller.order(order);
    const about = { who: callerText(caller), from: this.#from, what: describe(order) };
    if (!mayAct(caller.role, needed)) {
      const refused = notAllowed(caller, needed);
      this.#write(refusalEntry(about, refused.failure.code, order.type));
      return refused;
    }
    const { result, changes } = await this.#controller.carryOut(order);
    if (!result.ok) this.#write(refusalEntry(about, result.failure.code, about.what));
    else {
      const [before, after] = sidesOf(changes, result.value);
      this.#write({ ...about, before, after, kind: "act" });
    }
    return result;
  }
}

/** @param sameAs refusals with this and the same code are counted in one entry */
export const refusalEntry = (about: Pick<NewAuditEntry, "who" | "from" | "what">, code: string, sameAs: string) =>
  ({ ...about, before: null, after: { refused: code }, kind: "refused", sameAs: `${sameAs} ${code}` }) as const;

export const notAllowed = (caller: Caller, needed: Role) =>
  failure("not-allowed", `${callerText(caller)} has the role ${caller.role}; this requires ${needed}; ask an admin`);

/** `group-retry-count Branch 12`: the order and what it is about. */
function describe(order: Order): string {
  if (order.type === "image-add") return `image-add ${order.image.version} ${order.image.fileName}`;
  const { type, ...fields } = order;
  const about = Object.values(fields).filter((value) => typeof value === "string");
  return [type, ...about].join(" ");
}

type Sides = readonly [before: unknown, after: unknown];

/** Only what differs; of a single thing its settings, of several by thing. An order that changed nothing leaves what it answered. */
function sidesOf(changes: readonly Difference[], answer: unknown): Sides {
  const things = new Map<string, Difference[]>();
  for (const change of changes) {
    const thing = `${change.kind} ${change.name}`;
    things.set(thing, [...(things.get(thing) ?? []), change]);
  }
  if (things.size === 0) return [null, answer];
  const sides = [...things].map(([thing, differences]) => [thing, thingSides(differences)] as const);
  const [only] = sides;
  if (only !== undefined && sides.length === 1) return only[1];
  const all = (side: 0 | 1): object => Object.fromEntries(sides.map(([thing, both]) => [thing, both[side]]));
  return [all(0), all(1)];
}

function thingSides(differences: readonly Difference[]): Sides {
  const before: Record<string, unknown> = {};
  const after: Record<string, unknown> = {};
  for (const difference of differences) {
    if (difference.change !== "set") return difference.change === "added" ? [null, difference.settings] : [difference.settings, null];
    before[difference.setting] = difference.before;
    after[difference.setting] = difference.after;
  }
  return [before, after];
}
