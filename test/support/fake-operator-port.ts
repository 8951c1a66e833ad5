import type { OperatorPort } from "../../src/admin/operator-port.js";
import type { Result } from "../../src/base/failure.js";
import type { Order } from "../../src/core/controller/operator/orders.js";

/** An operator port that remembers every order and answers what the test says. */
export class FakeOperatorPort implements OperatorPort {
  readonly orders: Order[] = [];
  answer: (order: Order) => Result<unknown> | Promise<Result<unknown>> = () => ({ ok: true, value: null });

  async order<T extends Order>(order: T): Promise<never> {
    this.orders.push(order);
    return (await this.answer(order)) as never;
  }
}
