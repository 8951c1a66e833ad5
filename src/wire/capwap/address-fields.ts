import type { Field } from "../../base/field-table.js";
import { invariant } from "../../base/invariant.js";
import { type IpAddress, ipv4Octets, ipv4Text, ipv6Octets, ipv6Text } from "../../base/ip-address.js";

const required = (octets: Uint8Array | undefined, address: string, family: string): Uint8Array => {
  invariant(octets !== undefined, `"${address}" is not an ${family} address`);
  return octets;
};

export const ipv4: Field<IpAddress> = {
  min: 4,
  max: 4,
  read: (reader) => ipv4Text(reader.bytes(4)),
  write: (writer, value) => writer.bytes(required(ipv4Octets(value), value, "IPv4")),
};

export const ipv6: Field<IpAddress> = {
  min: 16,
  max: 16,
  read: (reader) => ipv6Text(reader.bytes(16)),
  write: (writer, value) => writer.bytes(required(ipv6Octets(value), value, "IPv6")),
};
