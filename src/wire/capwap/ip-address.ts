/** IP addresses as numeric text; RFC 5952's shortest form for IPv6, so that equal addresses are equal strings. */
import type { Field } from "../../base/field-table.js";
import { invariant } from "../../base/invariant.js";

const ipv4Pattern = /^\d{1,3}(?:\.\d{1,3}){3}$/;

function ipv4Octets(address: string): Uint8Array | undefined {
  const parts = address.split(".").map(Number);
  return ipv4Pattern.test(address) && parts.every((part) => part <= 255) ? Uint8Array.from(parts) : undefined;
}

/** A zone (`%eth0`) is left out. */
function ipv6Octets(address: string): Uint8Array | undefined {
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

/** Numeric IPv4 or IPv6 text, the latter with or without a zone. */
export const isIpAddress = (text: string): boolean => ipv4Octets(text) !== undefined || ipv6Octets(text) !== undefined;

function ipv6Text(raw: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => (((raw[2 * index] ?? 0) << 8) | (raw[2 * index + 1] ?? 0)).toString(16));
  let longest = { at: 0, length: 0 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === "0") length++;
    if (length > longest.length) longest = { at, length };
  }
  if (longest.length < 2) return groups.join(":");
  return `${groups.slice(0, longest.at).join(":")}::${groups.slice(longest.at + longest.length).join(":")}`;
}

function parsed(octets: Uint8Array | undefined, address: string, family: string): Uint8Array {
  invariant(octets !== undefined, `"${address}" is not an ${family} address`);
  return octets;
}

export const ipv4: Field<string> = {
  min: 4,
  max: 4,
  read: (reader) => reader.bytes(4).join("."),
  write: (writer, value) => writer.bytes(parsed(ipv4Octets(value), value, "IPv4")),
};

export const ipv6: Field<string> = {
  min: 16,
  max: 16,
  read: (reader) => ipv6Text(reader.bytes(16)),
  write: (writer, value) => writer.bytes(parsed(ipv6Octets(value), value, "IPv6")),
};
