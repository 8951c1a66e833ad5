/** The optional add-ons of `native/`, compiled on this machine or installed with a prebuilt package. */
import { createRequire } from "node:module";

export type AddonName = "tftp-sender" | "tftp-receiver" | "socket-options" | "udp-listener" | "dtls";

/**
 * Where to look for an add-on, in order. One compiled here comes first: installation compiles only what no prebuilt package provides.
 * musl comes before glibc because its add-ons fail to load under glibc, while musl might load one built for glibc.
 */
export const addonPlaces = (name: AddonName, arch: string = process.arch): readonly string[] => [
  `../../native/${name}.node`,
  ...["musl", "glibc"].map((libc) => `flexup-native-linux-${arch}-${libc}/${name}.node`),
];

/** @returns undefined if none loads, or with FLEXUP_NATIVE=0: the plain path is used then */
export function loadAddon<T>(name: AddonName): T | undefined {
  if (process.env["FLEXUP_NATIVE"] === "0") return undefined;
  const require = createRequire(import.meta.url);
  for (const place of addonPlaces(name)) {
    try {
      return require(place) as T;
    } catch {
      // Another place may have it.
    }
  }
  return undefined;
}
