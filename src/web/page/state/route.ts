/** The current route, kept in the URL fragment, so that links, Back and bookmarks work without the server. */
import { useEffect, useState } from "preact/hooks";

/** The fragment's parts, decoded: `#/wireless/groups/Branch%207` is `["wireless", "groups", "Branch 7"]`. */
export type Route = readonly string[];

export const linkTo = (...parts: readonly string[]): string => `#/${parts.map(encodeURIComponent).join("/")}`;

export function currentRoute(): Route {
  return location.hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const goTo = (...parts: readonly string[]): void => {
  location.hash = linkTo(...parts);
};

export function useRoute(): Route {
  const [route, setRoute] = useState(currentRoute);
  useEffect(() => {
    const changed = (): void => setRoute(currentRoute());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
