/** UDP ports in use at an address, as the kernel lists them. */
import { readFileSync } from "node:fs";

/** IPv4 as `/proc/net/udp` writes it: four octets as one little-endian number in hex. */
const procAddress = (address: string): string =>
  address
    .split(".")
    .reverse()
    .map((octet) => Number(octet).toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();

/** How many ports are bound at this IPv4 address. A port may have several sockets. */
export function udpPortsAt(address: string): number {
  const start = `${procAddress(address)}:`;
  const locals = readFileSync("/proc/net/udp", "utf8")
    .split("\n")
    .flatMap((line) => line.trim().split(/\s+/)[1] ?? []);
  return new Set(locals.filter((local) => local.startsWith(start))).size;
}
