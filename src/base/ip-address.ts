/** IP addresses as numeric text; RFC 5952's shortest form for IPv6, so that equal addresses are equal strings. */
import type { Flavor } from "./flavor.js";

/** Numeric IPv4 or IPv6 text, the latter with or without a zone (`%eth0`); never a host name. */
export type IpAddress = Flavor<string, "IpAddress">;

const ipv4Pattern = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** @returns four octets, or undefined for anything but dotted IPv4 text */
export function ipv4Octets(address: string): Uint8Array | undefined {
  const parts = address.split(".").map(Number);
  return ipv4Pattern.test(address) && parts.every((part) => part <= 255) ? Uint8Array.from(parts) : undefined;
}

/** @returns sixteen octets without the zone, or undefined for anything but IPv6 text */
export function ipv6Octets(address: string): Uint8Array | undefined {
  const bare = address.split("%")[0] as string;
  const embedded = /^(.*:)(\d{1,3}(?:\.\d{1,3}){3})$/.exec(bare);
  const tail = embedded ? ipv4Octets(embedded[2] as string) : undefined;
  if (embedded && tail === undefined) return undefined;
  const pair = (at: number): string => (((tail?.[at] ?? 0) << 8) | (tail?.[at + 1] ?? 0)).toString(16);
  const hex = embedded ? `${embedded[1]}${pair(0)}:${pair(2)}` : bare;
  const halves = hex.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const [front = [], back = []] = halves;
  const gap = 8 - front.length - back.length;
  const groups = [...front, ...(halves.length === 2 ? Array<string>(Math.max(gap, 0)).fill("0") : []), ...back];
  if (halves.length > 2 || groups.length !== 8 || !groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return Uint8Array.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}

export const isIpAddress = (text: string): text is IpAddress => ipv4Octets(text) !== undefined || ipv6Octets(text) !== undefined;

/** @param octets four */
export const ipv4Text = (octets: Uint8Array): IpAddress => octets.join(".");

/** @param octets sixteen */
export function ipv6Text(octets: Uint8Array): IpAddress {
  if (isMapped(octets)) return mappedPrefix + ipv4Text(octets.subarray(12));
  const groups = Array.from({ length: 8 }, (_, index) => (((octets[2 * index] ?? 0) << 8) | (octets[2 * index + 1] ?? 0)).toString(16));
  let longest = { at: 0, length: 0 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === "0") length++;
    if (length > longest.length) longest = { at, length };
  }
  if (longest.length < 2) return groups.join(":");
  return `${groups.slice(0, longest.at).join(":")}::${groups.slice(longest.at + longest.length).join(":")}`;
}

const mappedPrefix = "::ffff:";
const isMapped = (octets: Uint8Array): boolean =>
  octets.subarray(0, 10).every((octet) => octet === 0) && octets[10] === 0xff && octets[11] === 0xff;

/** The one spelling of an address, zone kept; other text is returned unchanged. */
export function canonicalIpAddress(address: string): IpAddress {
  const octets = ipv6Octets(address);
  if (octets === undefined) return address;
  const zone = address.indexOf("%");
  return zone < 0 ? ipv6Text(octets) : ipv6Text(octets) + address.slice(zone);
}

/**
 * The network that an address belongs to, as a key: hosts own many addresses, so limits count networks.
 *
 * @param address numeric; IPv4 may come mapped into IPv6
 * @param bits prefix lengths, multiples of 8
 * @returns e.g. `192.0.2.0/24`, `2001:db8::/56`
 */
export function networkOf(address: IpAddress, bits: { readonly ipv4: number; readonly ipv6: number }): string {
  const plain = unmapped(address);
  const octets = ipv4Octets(plain);
  if (octets !== undefined) return `${ipv4Text(prefixOf(octets, bits.ipv4))}/${bits.ipv4}`;
  return `${ipv6Text(prefixOf(ipv6Octets(plain) ?? new Uint8Array(16), bits.ipv6))}/${bits.ipv6}`;
}

const prefixOf = (octets: Uint8Array, bits: number): Uint8Array => octets.map((octet, index) => (index < bits / 8 ? octet : 0));

export const isIPv6 = (address: string): boolean => address.includes(":");

/** Whether a socket bound to it takes datagrams to any address of the host. */
export const isWildcard = (address: string): boolean => address === "0.0.0.0" || address === "::";

/** Whether an address is one that only this machine has; an IPv4 address may come mapped into IPv6. `localhost` counts. */
export const isLoopback = (address: string): boolean => /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1|localhost)$/.test(address);

/** A dual-stack socket shows IPv4 peers as `::ffff:192.0.2.1`; everyone else calls them `192.0.2.1`. */
export const unmapped = (address: string): IpAddress => (address.startsWith(mappedPrefix) ? address.slice(mappedPrefix.length) : address);

/** How an IPv6 socket addresses an IPv4 peer. */
export const ipv4Mapped = (address: string): IpAddress => (isIPv6(address) ? address : mappedPrefix + address);
