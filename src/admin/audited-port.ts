/** An operator port for one caller: refuses what the role does not allow, and every act leaves an audit entry with what it changed. */
import { failure, type Result } from "../base/failure.js";
import type { ResultOf } from "../core/controller/operator/order-results.js";
import type { Order } from "../core/controller/operator/orders.js";
import type { GroupView, ModelView } from "../core/controller/operator/views.js";
import type { AuditEntry } from "../runtime/access/account-store.js";
import type { OperatorPort } from "./operator-port.js";
import { type Caller, callerText, mayAct, type Role } from "./roles.js";
import { orderRoutes } from "./routes.js";

export type WriteAudit = (entry: Omit<AuditEntry, "id" | "at">) => void;

const roleFor = (order: Order): Role => (order.type === "image-add" ? "operator" : orderRoutes[order.type].role);

export class AuditedPort implements OperatorPort {
  readonly #operator: OperatorPort;
  readonly #whoNow: () => Caller | undefined;
  readonly #from: string;
  readonly #write: WriteAudit;

  /** @param whoNow asked at each order, for a terminal stays open for hours and an upload takes minutes; undefined once the login has ended */
  constructor(operator: OperatorPort, whoNow: () => Caller | undefined, from: string, write: WriteAudit) {
    this.#operator = operator;
    this.#whoNow = whoNow;
    this.#from = from;
    this.#write = write;
  }

  async order<T extends Order>(order: T): Promise<Result<ResultOf<T["type"]>>> {
    const needed = roleFor(order);
    const caller = this.#whoNow();
    if (caller === undefined) return failure("not-logged-in", "This login has ended; log in again");
    if (needed === "read-only") return this.#operator.order(order);
    const note = (before: unknown, after: unknown): void =>
      this.#write({ who: callerText(caller), from: this.#from, what: describe(order), before, after });
    if (!mayAct(caller.role, needed)) {
      const refused = notAllowed(caller, needed);
      note(null, { refused: refused.failure.code });
      return refused;
    }
    const before = await this.#settings(order);
    const answer = await this.#operator.order(order);
    if (!answer.ok) {
      note(null, { refused: answer.failure.code });
      return answer;
    }
    const after = await this.#settings(order);
    const changed = before !== null && after !== null ? difference(before, after) : { before, after: after ?? answer.value };
    note(changed.before, changed.after);
    return answer;
  }

  /** What an order about a group can change, as it is now; null for no such group and for other orders. */
  async #settings(order: Order): Promise<Record<string, unknown> | null> {
    if (!("group" in order) || order.group === null || order.type === "group-start" || order.type === "group-abort") return null;
    const answer = await this.#operator.order({ type: "show-group", group: order.group });
    return answer.ok ? groupSettings(answer.value) : null;
  }
}

export const notAllowed = (caller: Caller, needed: Role) =>
  failure("not-allowed", `${callerText(caller)} has the role ${caller.role}; this takes ${needed}: ask an admin`);

/** `group-retry-count Branch 12`: the order and what it is about. */
function describe(order: Order): string {
  if (order.type === "image-add") return `image-add ${order.image.version} ${order.image.fileName}`;
  const { type, ...fields } = order;
  const about = Object.values(fields).filter((value) => typeof value === "string");
  return [type, ...about].join(" ");
}

function groupSettings({ run: _, transfers: _transfers, models, aps, name: _name, ...settings }: GroupView): Record<string, unknown> {
  return {
    ...settings,
    aps: aps.map(({ mac }) => mac),
    subordinates: aps.filter(({ forcedSubordinate }) => forcedSubordinate).map(({ mac }) => mac),
    primaries: models.filter(({ manual }: ModelView) => manual).map(({ primary }) => primary?.mac ?? null),
  };
}

/** Only what differs. */
function difference(before: Record<string, unknown>, after: Record<string, unknown>): { before: unknown; after: unknown } {
  const keys = Object.keys(after).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  const pick = (all: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(keys.map((key) => [key, all[key]]));
  return { before: pick(before), after: pick(after) };
}
