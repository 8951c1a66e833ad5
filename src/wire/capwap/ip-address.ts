/** IP addresses as numeric text; RFC 5952's shortest form for IPv6, so that equal addresses are equal strings. */
import { type Field, octets } from "../../base/field-table.js";
import { invariant } from "../../base/invariant.js";

const ipv4Pattern = /^\d{1,3}(?:\.\d{1,3}){3}$/;

function ipv4Octets(address: string): Uint8Array {
  const parts = address.split(".").map(Number);
  invariant(ipv4Pattern.test(address) && parts.every((part) => part <= 255), `"${address}" is not an IPv4 address`);
  return Uint8Array.from(parts);
}

function ipv6Octets(address: string): Uint8Array {
  const bare = address.split("%")[0] as string;
  const embedded = /^(.*:)(\d{1,3}(?:\.\d{1,3}){3})$/.exec(bare);
  const tail = embedded ? ipv4Octets(embedded[2] as string) : undefined;
  const pair = (at: number): string => (((tail?.[at] ?? 0) << 8) | (tail?.[at + 1] ?? 0)).toString(16);
  const hex = embedded ? `${embedded[1]}${pair(0)}:${pair(2)}` : bare;
  const halves = hex.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const [front = [], back = []] = halves;
  const gap = 8 - front.length - back.length;
  const groups = [...front, ...(halves.length === 2 ? Array<string>(Math.max(gap, 0)).fill("0") : []), ...back];
  invariant(
    halves.length <= 2 && groups.length === 8 && groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)),
    `"${address}" is not an IPv6 address`,
  );
  return Uint8Array.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}

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

export const ipv4: Field<string> = {
  min: 4,
  max: 4,
  read: (reader) => reader.bytes(4).join("."),
  write: (writer, value) => writer.bytes(ipv4Octets(value)),
};

export const ipv6: Field<string> = {
  min: 16,
  max: 16,
  read: (reader) => ipv6Text(reader.bytes(16)),
  write: (writer, value) => octets(16).write(writer, ipv6Octets(value)),
};
