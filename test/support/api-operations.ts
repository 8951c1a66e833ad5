/** The routes of the admin API as its own OpenAPI document lists them, so that a test over all routes cannot forget one. */
import type { FastifyInstance, InjectOptions } from "fastify";

/** The part of a JSON schema that says what a value may be. */
export interface ValueSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly required?: readonly string[];
}

export interface Operation {
  readonly id: string;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With `{name}` for each path parameter. */
  readonly path: string;
  readonly query: Readonly<Record<string, ValueSchema>>;
  readonly queryRequired: readonly string[];
  /** Schema of the JSON body; undefined where the route takes none. */
  readonly body: ValueSchema | undefined;
}

interface Documented {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required: boolean; readonly schema: ValueSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: ValueSchema }>> };
}

export function operationsOf(app: FastifyInstance): readonly Operation[] {
  const paths = app.swagger().paths as unknown as Readonly<Record<string, Readonly<Record<string, Documented>>>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, parameters = [], requestBody }]) => {
      const query = parameters.filter((parameter) => parameter.in === "query");
      return {
        id: operationId,
        method: method.toUpperCase() as Operation["method"],
        path,
        query: Object.fromEntries(query.map(({ name, schema }) => [name, schema])),
        queryRequired: query.filter(({ required }) => required).map(({ name }) => name),
        body: requestBody?.content["application/json"]?.schema,
      };
    }),
  );
}

/** Fills the path parameters. */
export const pathOf = ({ path }: Operation, parameter: string): string => path.replace(/\{\w+\}/g, () => encodeURIComponent(parameter));

/** The simplest value that a schema allows. */
export function sampleOf(schema: ValueSchema): unknown {
  if (schema.enum !== undefined) return schema.enum[0];
  switch (schema.type) {
    case "object":
      return Object.fromEntries((schema.required ?? []).map((name) => [name, sampleOf(schema.properties?.[name] ?? {})]));
    case "array":
      return [];
    case "boolean":
      return true;
    case "integer":
    case "number":
      return Math.max(1, schema.minimum ?? 1);
    default:
      return "long-enough";
  }
}

/** A request that the route's schemas allow; `1` is a name as well as a number. */
export function sampleRequest(operation: Operation): InjectOptions & { readonly method: Operation["method"]; readonly url: string } {
  const query = new URLSearchParams(
    Object.fromEntries(operation.queryRequired.map((name) => [name, String(sampleOf(operation.query[name] ?? {}))])),
  );
  return {
    method: operation.method,
    url: `${pathOf(operation, "1")}?${query}`,
    ...(operation.body !== undefined && { payload: sampleOf(operation.body) as object }),
  };
}
