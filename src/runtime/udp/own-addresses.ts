import { networkInterfaces } from "node:os";
import { isIPv6, isWildcard } from "../../base/ip-address.js";

/**
 * The numeric addresses under which others reach a socket bound to `address`: itself, or for a wildcard those of this
 * host's interfaces, link-local ones left out. Loopback alone where there is no other.
 */
export function ownAddresses(address: string): string[] {
  if (!isWildcard(address)) return [address];
  const wanted = Object.values(networkInterfaces())
    .flatMap((interfaces) => interfaces ?? [])
    .filter((own) => (isIPv6(own.address) ? isIPv6(address) && !own.address.startsWith("fe80") : true));
  const outward = wanted.filter(({ internal }) => !internal);
  return (outward.length > 0 ? outward : wanted).map((own) => own.address);
}
