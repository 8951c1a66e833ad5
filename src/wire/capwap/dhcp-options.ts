/** AC addresses in DHCP options, as a DHCP client hands them on. */
import { type IpAddress, ipv4Text } from "../../base/ip-address.js";

const ipv4Bytes = 4;
/** Sub-option of Vendor-Specific Information (RFC 2132 §8.4) in which Cisco's APs look for controllers. */
const controllersSubOption = 0xf1;

const addressesIn = (octets: Uint8Array): readonly IpAddress[] | undefined => {
  if (octets.length === 0 || octets.length % ipv4Bytes !== 0) return undefined;
  return Array.from({ length: octets.length / ipv4Bytes }, (_, index) =>
    ipv4Text(octets.subarray(ipv4Bytes * index, ipv4Bytes * (index + 1))),
  );
};

/** Option 138, CAPWAP Access Controllers (RFC 5417 §2). @returns undefined for anything but one or more IPv4 addresses */
export const acsOfOption138 = (octets: Uint8Array): readonly IpAddress[] | undefined => addressesIn(octets);

/** Option 43: sub-option 241 holds the addresses; others are skipped. @returns undefined if it is missing or cut short */
export function acsOfOption43(octets: Uint8Array): readonly IpAddress[] | undefined {
  for (let at = 0; at + 2 <= octets.length; ) {
    const type = octets[at];
    const end = at + 2 + (octets[at + 1] as number);
    if (end > octets.length) return undefined;
    if (type === controllersSubOption) return addressesIn(octets.subarray(at + 2, end));
    at = end;
  }
  return undefined;
}
