import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Result } from "../base/failure.js";
import type { Order } from "../core/controller/operator/orders.js";
import { httpStatusOf } from "./http-status.js";
import { IdempotencyKeys } from "./idempotency.js";
import type { OperatorPort } from "./operator-port.js";
import { apiPrefix, pathFields, type RoutedOrder, usesQuery } from "./order-paths.js";
import { type OrderRoute, orderRoutes } from "./routes.js";
import { failureBody } from "./schema.js";

/** The operator port as the caller of a request may use it. */
export type OperatorPortFor = (request: FastifyRequest) => OperatorPort;

/** One route per row of the table. */
export function registerOrderRoutes(app: FastifyInstance, portFor: OperatorPortFor): void {
  const keys = new IdempotencyKeys();
  for (const [type, route] of Object.entries(orderRoutes) as [RoutedOrder["type"], OrderRoute][]) {
    app.route({
      method: route.method,
      url: apiPrefix + route.path,
      config: { role: route.role, act: type },
      schema: schemaOf(type, route),
      ...(route.bodyBytesMax !== undefined && { bodyLimit: route.bodyBytesMax }),
      handler: async (request, reply) => {
        const order = orderOf(type, route, request);
        const operator = portFor(request);
        const result = route.idempotent ? await keys.once(request, order, () => operator.order(order)) : await operator.order(order);
        return answer(reply, route, result);
      },
    });
  }
}

/** An order from the validated parts of a request: each field from its own part, whatever else the others hold. */
function orderOf(type: RoutedOrder["type"], route: OrderRoute, request: FastifyRequest): Order {
  const inPath = pathFields(route);
  const rest = ((usesQuery(route) ? request.query : request.body) ?? {}) as Record<string, unknown>;
  const params = request.params as Record<string, unknown>;
  const fields = Object.keys(route.fields.shape).map((name) => [name, (inPath.includes(name) ? params : rest)[name]] as const);
  return { type, ...Object.fromEntries(fields.filter(([, value]) => value !== undefined)) } as Order;
}

function answer(reply: FastifyReply, route: OrderRoute, result: Result<unknown>): FastifyReply {
  if (!result.ok) return reply.status(httpStatusOf(result.failure)).send(result.failure);
  return route.answer === null ? reply.status(204).send() : reply.status(200).send(result.value);
}

function schemaOf(type: string, route: OrderRoute) {
  const inPath = pathFields(route);
  const mask = (names: readonly string[]): Record<string, true> => Object.fromEntries(names.map((name) => [name, true]));
  const rest = Object.keys(route.fields.shape).filter((name) => !inPath.includes(name));
  const params = inPath.length > 0 && { params: route.fields.pick(mask(inPath)) };
  const fields = route.fields.pick(mask(rest)).strict();
  // An empty object may be omitted.
  const needsBody = rest.some((name) => !route.fields.shape[name]?.safeParse(undefined).success);
  const others = rest.length > 0 && (usesQuery(route) ? { querystring: fields } : { body: needsBody ? fields : fields.nullish() });
  const headers = route.idempotent && { headers: z.object({ "idempotency-key": z.string().min(1).max(255).optional() }) };
  return {
    operationId: type,
    summary: route.summary,
    tags: [route.path.split("/")[1] as string],
    ...params,
    ...others,
    ...headers,
    response: {
      ...(route.answer === null ? { 204: z.null().describe("Done") } : { 200: route.answer }),
      "4xx": failureBody,
      "5xx": failureBody,
    },
  };
}
