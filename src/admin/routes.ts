/**
 * The operator part of the API as one table: each order is one resource act. The server registers its routes from it,
 * the client turns an order into a request with it, the OpenAPI document is generated from it.
 *
 * An order's fields are its `type` (the row), the `:names` in its path, and for the rest the query (GET, DELETE) or the JSON body.
 */
import { z } from "zod";
import type { Order, OrderType } from "../core/controller/orders.js";
import {
  actResult,
  apImageView,
  apSummaryRow,
  apsAborted,
  backoffSeconds,
  bootView,
  groupPreview,
  groupSummaryRow,
  groupView,
  imageView,
  linkRates,
  nameText,
  predownloadResult,
  releaseName,
  retryCount,
  runReport,
  runStarted,
  wanPolicy,
} from "./schema.js";

export const apiPrefix = "/api/v1";

/** Whoever may do more may do less: `read-only` < `operator` < `admin`. */
export type Role = "read-only" | "operator" | "admin";

export interface OrderRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below `apiPrefix`. */
  readonly path: string;
  readonly role: Role;
  readonly summary: string;
  /** The order's fields besides its type. */
  readonly fields: z.ZodObject;
  /** Null: 204 without a body. */
  readonly answer: z.ZodType | null;
  /** A repeated request with the same Idempotency-Key gets the first one's answer. */
  readonly idempotent?: true;
}

/** Orders that have a route of this kind. An image comes as an upload (`server.ts`). */
export type RoutedOrder = Exclude<Order, { type: "image-add" }>;

const group = nameText.describe("Name of a FlexConnect group");
const ap = nameText.describe("Name or MAC address of an AP");
const apOrAll = nameText.describe("Name or MAC address of an AP, or `all`");
const mac = nameText.describe("MAC address in any usual spelling");

const read = (path: string, summary: string, fields: z.ZodRawShape, answer: z.ZodType): OrderRoute => ({
  method: "GET",
  path,
  role: "read-only",
  summary,
  fields: z.object(fields),
  answer,
});
const act = (
  method: "POST" | "PUT" | "DELETE",
  path: string,
  summary: string,
  fields: z.ZodRawShape,
  answer: z.ZodType | null = null,
): OrderRoute => ({ method, path, role: "operator", summary, fields: z.object(fields), answer });

export const orderRoutes: Readonly<Record<Exclude<OrderType, "image-add">, OrderRoute>> = {
  "group-add": act("PUT", "/groups/:group", "Add a FlexConnect group", { group }),
  "group-delete": act("DELETE", "/groups/:group", "Delete a FlexConnect group", { group }),
  "group-ap-add": act("PUT", "/groups/:group/aps/:mac", "Add an AP to a group", { group, mac }),
  "group-ap-delete": act("DELETE", "/groups/:group/aps/:mac", "Take an AP out of a group", { group, mac }),
  "group-predownload": act("PUT", "/groups/:group/predownload", "Switch FlexConnect AP upgrade on or off", {
    group,
    enabled: z.boolean(),
  }),
  "group-primary-add": act("PUT", "/groups/:group/primaries/:ap", "Make an AP the primary of its model", { group, ap }),
  "group-primary-remove": act("DELETE", "/groups/:group/primaries/:ap", "Return to the automatic choice of the primary", { group, ap }),
  "group-subordinate-add": act("PUT", "/groups/:group/subordinates/:ap", "Force an AP to be a subordinate", { group, ap }),
  "group-subordinate-remove": act("DELETE", "/groups/:group/subordinates/:ap", "Let an AP be elected again", { group, ap }),
  "group-retry-count": act("PUT", "/groups/:group/retry-count", "Set the tries at the primary before the WAN", { group, retryCount }),
  "group-backoff": act("PUT", "/groups/:group/backoff", "Set the range of the random back-off", {
    group,
    minSeconds: backoffSeconds,
    maxSeconds: backoffSeconds,
  }),
  "group-wave2-refetch": act("PUT", "/groups/:group/wave2-refetch", "Whether a Wave 2 primary fetches an image that it already holds", {
    group,
    enabled: z.boolean(),
  }),
  "group-wan": act("PUT", "/groups/:group/wan", "Set how the group uses the WAN; fields left out keep their value", {
    group,
    wan: wanPolicy.partial(),
  }),
  "group-preview": {
    method: "POST",
    path: "/groups/:group/preview",
    role: "read-only",
    summary: "What a start would do now; nothing is sent and nothing changes",
    fields: z.object({ group, release: releaseName, link: linkRates.optional() }),
    answer: groupPreview,
  },
  "group-start": {
    ...act("POST", "/groups/:group/run", "Start the upgrade of a group", { group, release: releaseName }, runStarted),
    idempotent: true,
  },
  "group-abort": act("DELETE", "/groups/:group/run", "Abort the upgrade of a group", { group }, runStarted),
  "ap-predownload": {
    ...act(
      "POST",
      "/aps/:ap/predownload",
      "Predownload an image to one AP or all",
      { ap: apOrAll, release: releaseName },
      predownloadResult,
    ),
    idempotent: true,
  },
  "ap-predownload-abort": act("DELETE", "/aps/:ap/predownload", "Abort the predownload of one AP or all", { ap: apOrAll }, apsAborted),
  "ap-swap": { ...act("POST", "/aps/:ap/swap", "Exchange primary and backup image", { ap: apOrAll }, actResult), idempotent: true },
  "ap-reset": { ...act("POST", "/aps/:ap/reset", "Reset one AP or all", { ap: apOrAll }, actResult), idempotent: true },
  "image-remove": act("DELETE", "/images/:imageId", "Remove an image from a release", { imageId: nameText }, imageView),
  "show-ap-image": read("/aps/:ap/image", "Images and predownload state of one AP or all", { ap: apOrAll }, apImageView),
  "show-ap-summary": read("/aps", "All APs that ever joined", {}, z.array(apSummaryRow)),
  "show-group-summary": read("/groups", "All FlexConnect groups", {}, z.array(groupSummaryRow)),
  "show-group": read("/groups/:group", "A FlexConnect group, its primaries and its run", { group }, groupView),
  "show-boot": read("/boot", "Versions of the two releases", {}, bootView),
  "show-images": read("/images", "All images of both releases", {}, z.array(imageView)),
  "show-runs": read(
    "/runs",
    "Reports of the runs of a group or of all, newest first",
    { group: group.nullable().default(null) },
    z.array(runReport),
  ),
};

/** The fields of an order that its path holds. */
export const pathFields = (route: OrderRoute): readonly string[] =>
  Array.from(route.path.matchAll(/:(\w+)/g), ([, name]) => name as string);

/** Whether the fields that are not in the path travel in the query. */
export const usesQuery = (route: OrderRoute): boolean => route.method === "GET" || route.method === "DELETE";

/** Method, path with query, and JSON body (undefined for none) of an order. */
export function requestOf(order: RoutedOrder): { method: OrderRoute["method"]; path: string; body: object | undefined } {
  const route = orderRoutes[order.type];
  const { type: _, ...fields } = order as RoutedOrder & Record<string, unknown>;
  const inPath = pathFields(route);
  const path = route.path.replace(/:(\w+)/g, (_match, name: string) =>
    encodeURIComponent(String((fields as Record<string, unknown>)[name])),
  );
  const rest = Object.entries(fields).filter(([name]) => !inPath.includes(name));
  if (!usesQuery(route))
    return { method: route.method, path: apiPrefix + path, body: rest.length === 0 ? undefined : Object.fromEntries(rest) };
  const query = new URLSearchParams();
  for (const [name, value] of rest) if (value !== null) query.set(name, String(value));
  return { method: route.method, path: `${apiPrefix}${path}${query.size === 0 ? "" : `?${query}`}`, body: undefined };
}
