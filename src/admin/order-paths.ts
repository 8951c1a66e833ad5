/**
 * Where each order lives in the admin API: one table for the server, the command line and the page, which uses it without the weight of
 * the schemas (`routes.ts`). An order's fields are its `type` (the row), the `:names` in its path, and for the rest the query (GET, DELETE)
 * or the JSON body.
 */
import type { Order } from "../core/controller/operator/orders.js";
import type { ReleaseName } from "../core/upgrade/limits.js";

export const apiPrefix = "/api/v1";

/** Where a backup is taken (`backup.ts`). */
export const backupPath = `${apiPrefix}/backup`;

/** Orders that have a route of this kind. An image comes as an upload (`image-upload.ts`). */
export type RoutedOrder = Exclude<Order, { type: "image-add" }>;

export interface OrderPath {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `apiPrefix`. */
  readonly path: string;
}

export const orderPaths: Readonly<Record<RoutedOrder["type"], OrderPath>> = {
  "group-add": { method: "PUT", path: "/groups/:group" },
  "group-delete": { method: "DELETE", path: "/groups/:group" },
  "group-ap-add": { method: "PUT", path: "/groups/:group/aps/:mac" },
  "group-ap-delete": { method: "DELETE", path: "/groups/:group/aps/:mac" },
  "group-set": { method: "PATCH", path: "/groups/:group/settings" },
  "group-predownload": { method: "PUT", path: "/groups/:group/predownload" },
  "group-primary-add": { method: "PUT", path: "/groups/:group/primaries/:ap" },
  "group-primary-remove": { method: "DELETE", path: "/groups/:group/primaries/:ap" },
  "group-subordinate-add": { method: "PUT", path: "/groups/:group/subordinates/:ap" },
  "group-subordinate-remove": { method: "DELETE", path: "/groups/:group/subordinates/:ap" },
  "group-retry-count": { method: "PUT", path: "/groups/:group/retry-count" },
  "group-backoff": { method: "PUT", path: "/groups/:group/backoff" },
  "group-wave2-refetch": { method: "PUT", path: "/groups/:group/wave2-refetch" },
  "group-wan": { method: "PUT", path: "/groups/:group/wan" },
  "group-preview": { method: "POST", path: "/groups/:group/preview" },
  "group-start": { method: "POST", path: "/groups/:group/run" },
  "group-abort": { method: "DELETE", path: "/groups/:group/run" },
  "group-activate": { method: "POST", path: "/groups/:group/activation" },
  "group-activation-preview": { method: "POST", path: "/groups/:group/activation/preview" },
  "group-activation-pause": { method: "POST", path: "/groups/:group/activation/pause" },
  "group-activation-resume": { method: "POST", path: "/groups/:group/activation/resume" },
  "group-activation-abort": { method: "DELETE", path: "/groups/:group/activation" },
  "show-activation": { method: "GET", path: "/groups/:group/activation" },
  "ap-predownload": { method: "POST", path: "/aps/:ap/predownload" },
  "ap-predownload-abort": { method: "DELETE", path: "/aps/:ap/predownload" },
  "ap-swap": { method: "POST", path: "/aps/:ap/swap" },
  "ap-reset": { method: "POST", path: "/aps/:ap/reset" },
  "ap-forget": { method: "DELETE", path: "/aps/:ap" },
  "image-remove": { method: "DELETE", path: "/images/:imageId" },
  "credential-add": { method: "PUT", path: "/credentials/:mac" },
  "credential-delete": { method: "DELETE", path: "/credentials/:mac" },
  "credential-list": { method: "GET", path: "/credentials" },
  "show-ap-image": { method: "GET", path: "/aps/:ap/image" },
  "show-ap-summary": { method: "GET", path: "/aps" },
  "show-group-summary": { method: "GET", path: "/groups" },
  "show-group": { method: "GET", path: "/groups/:group" },
  "config-replace": { method: "PUT", path: "/config" },
  "show-config": { method: "GET", path: "/config" },
  "show-boot": { method: "GET", path: "/boot" },
  "show-images": { method: "GET", path: "/images" },
  "show-peer": { method: "GET", path: "/peer" },
  "show-system": { method: "GET", path: "/system" },
  "show-runs": { method: "GET", path: "/runs" },
  "show-run-summary": { method: "GET", path: "/run-summary" },
  "show-run": { method: "GET", path: "/runs/:run" },
};

/** The fields of an order that its path holds. */
export const pathFields = (route: OrderPath): readonly string[] => Array.from(route.path.matchAll(/:(\w+)/g), ([, name]) => name as string);

/** Whether the fields that are not in the path travel in the query. */
export const usesQuery = (route: OrderPath): boolean => route.method === "GET" || route.method === "DELETE";

/** Method, path with query, and JSON body (undefined for none) of an order. */
export function requestOf(order: RoutedOrder): { method: OrderPath["method"]; path: string; body: object | undefined } {
  const route = orderPaths[order.type];
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

/** The operator's description of an uploaded file. */
export interface ImageDescription {
  readonly version: string;
  /** Model or family names. */
  readonly models: readonly string[];
  readonly release: ReleaseName;
  /** Name of the file where it came from. */
  readonly fileName: string;
  /** How much of the body is the image's bundle, which comes first. */
  readonly bundleBytes?: number;
}

/** Method, path and query of an upload; the file is the body. */
export const uploadPath = ({ models, bundleBytes, ...description }: ImageDescription): string =>
  `${apiPrefix}/images?${new URLSearchParams({
    ...description,
    models: models.join(","),
    ...(bundleBytes !== undefined && { bundleBytes: String(bundleBytes) }),
  })}`;
