import type { FastifyRequest } from "fastify";
import { failure, type Result } from "../base/failure.js";
import type { Order } from "../core/controller/operator/orders.js";
import { callerText } from "./roles.js";

/** As many as a busy script uses in a day; then the oldest is forgotten. */
const keysMax = 1000;

/**
 * `Idempotency-Key`: an order that is repeated because its response was lost is carried out once. The second request gets the result
 * of the first; another order with a used key is refused.
 */
export class IdempotencyKeys {
  readonly #answers = new Map<string, { readonly order: string; readonly answer: Promise<Result<unknown>> }>();

  once(request: FastifyRequest, order: Order, give: () => Promise<Result<unknown>>): Promise<Result<unknown>> {
    const header = request.headers["idempotency-key"];
    if (typeof header !== "string") return give();
    const key = JSON.stringify([request.caller && callerText(request.caller), header]);
    const text = JSON.stringify(order);
    const known = this.#answers.get(key);
    if (known !== undefined) {
      if (known.order === text) return known.answer;
      return Promise.resolve(failure("idempotency-key-reused", "This Idempotency-Key was used for another request; use a new one"));
    }
    const answer = give();
    this.#answers.set(key, { order: text, answer });
    const oldest = this.#answers.keys().next();
    if (this.#answers.size > keysMax && !oldest.done) this.#answers.delete(oldest.value);
    return answer;
  }
}
