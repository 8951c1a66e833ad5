/** The optional add-ons of `native/`: compiled on this machine, or brought by a prebuilt package. */
import { createRequire } from "node:module";

export type AddonName = "tftp-sender" | "tftp-receiver" | "socket-options" | "udp-listener" | "dtls";

/**
 * Places of an add-on, the preferred one first. One that was compiled here fits here; at installation that happens only where no prebuilt
 * one is. Of the C libraries, musl comes first: its add-ons do not load beside glibc, while musl may load one that was made for glibc.
 */
export const addonPlaces = (name: AddonName, arch: string = process.arch): readonly string[] => [
  `../../native/${name}.node`,
  ...["musl", "glibc"].map((libc) => `flexup-native-linux-${arch}-${libc}/${name}.node`),
];

/** @returns undefined where there is none that loads, or with FLEXUP_NATIVE=0: the plain path then does the work */
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
