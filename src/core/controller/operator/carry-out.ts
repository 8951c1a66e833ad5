/** Carries out an operator's order: one row an order. */
import type { Result } from "../../../base/failure.js";
import type { Instant } from "../../../base/time.js";
import { activationOrders } from "./activation-orders.js";
import { apOrders } from "./ap-orders.js";
import type { Desk, Handler, Handlers, later } from "./desk.js";
import { groupOrders } from "./group-orders.js";
import { imageOrders } from "./image-orders.js";
import type { OrderValue } from "./order-results.js";
import type { MachineOrder, MachineOrderType } from "./orders.js";
import { showOrders } from "./show-orders.js";

const handlers: Handlers = { ...groupOrders, ...activationOrders, ...apOrders, ...imageOrders, ...showOrders };

export function carryOut(desk: Desk, now: Instant, requestId: number, order: MachineOrder): Result<OrderValue> | typeof later {
  const objection = desk.system.objection(order);
  if (objection !== undefined) return objection;
  const handler = handlers[order.type] as Handler<MachineOrderType>;
  return handler(desk, order as never, now, requestId);
}
