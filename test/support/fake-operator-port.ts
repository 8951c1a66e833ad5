import type { ControllerPort } from "../../src/admin/operator-port.js";
import type { Result } from "../../src/base/failure.js";
import type { Difference } from "../../src/core/controller/operator/differences.js";
import type { Order } from "../../src/core/controller/operator/orders.js";

/** An operator port that remembers every order and answers what the test says. */
export class FakeOperatorPort implements ControllerPort {
  readonly orders: Order[] = [];
  answer: (order: Order) => Result<unknown> | Promise<Result<unknown>> = () => ({ ok: true, value: null });
  changes: (order: Order) => readonly Difference[] = () => [];

  async order<T extends Order>(order: T): Promise<never> {
    this.orders.push(order);
    return (await this.answer(order)) as never;
  }

  async carryOut<T extends Order>(order: T): Promise<never> {
    const result = await this.order(order);
    return { result, changes: this.changes(order) } as never;
  }
}
