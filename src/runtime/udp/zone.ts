import { networkInterfaces } from "node:os";

/** A zone given as a number (`fe80::1%4`, as Windows and getaddrinfo write it) by its interface's name, as Node spells it. */
export function namedZone(address: string): string {
  const [plain = address, zone] = address.split("%");
  if (zone === undefined || !/^\d+$/.test(zone)) return address;
  const found = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some(({ family, scopeid }) => family === "IPv6" && scopeid === Number(zone)),
  );
  return found === undefined ? address : `${plain}%${found[0]}`;
}
