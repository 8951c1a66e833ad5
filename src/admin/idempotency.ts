import type { FastifyRequest } from "fastify";
import { failure, type Result } from "../base/failure.js";
import type { Order } from "../core/controller/operator/orders.js";
import { callerText } from "./roles.js";

/** As many keys as a busy script uses in a day; then the oldest is forgotten. */
const keysMax = 1000;

/**
 * `Idempotency-Key`: a start that is asked for twice, because the first answer got lost, happens once.
 * The second request waits for the first and gets its answer; another order under a used key is refused.
 */
export class IdempotencyKeys {
  readonly #answers = new Map<string, { readonly order: string; readonly answer: Promise<Result<unknown>> }>();

  once(request: FastifyRequest, order: Order, give: () => Promise<Result<unknown>>): Promise<Result<unknown>> {
    const header = request.headers["idempotency-key"];
    if (typeof header !== "string") return give();
    const key = `${request.caller ? callerText(request.caller) : ""} ${header}`;
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
