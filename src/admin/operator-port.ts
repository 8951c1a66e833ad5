import type { Result } from "../base/failure.js";
import type { CarriedOut, ResultOf } from "../core/controller/operator/order-results.js";
import type { Order } from "../core/controller/operator/orders.js";

/** The one way to a controller for people and scripts. The daemon's steps its machine; the command line's speaks HTTP to a daemon. */
export interface OperatorPort {
  /** Gives one order and resolves with the controller's answer. Never rejects because of the order. */
  order<T extends Order>(order: T): Promise<Result<ResultOf<T["type"]>>>;
}

/** A port of the controller's own process, which also reports what an order changed. */
export interface ControllerPort extends OperatorPort {
  carryOut<T extends Order>(order: T): Promise<CarriedOut<T["type"]>>;
}
