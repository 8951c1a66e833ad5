import type { Result } from "../base/failure.js";
import type { ResultOf } from "../core/controller/operator/order-results.js";
import type { Order } from "../core/controller/operator/orders.js";

/**
 * The one way to a controller for everything that people and scripts use. The daemon has one that steps its machine,
 * the CLI one that speaks HTTP to a daemon.
 */
export interface Door {
  /** Gives one order and resolves with the controller's answer. Never rejects on account of the order. */
  order<T extends Order>(order: T): Promise<Result<ResultOf<T["type"]>>>;
}
