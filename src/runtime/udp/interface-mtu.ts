import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { isWildcard } from "../../base/ip-address.js";

/** Nothing that carries IPv6 is narrower; a smaller figure is some interface that images do not go through. */
const mtuBytesMin = 1_280;

/**
 * The smallest MTU of the interfaces through which a socket bound to `address` reaches others: the one that has the address, or for
 * a wildcard all but loopback. Undefined where the system does not say (anywhere but on Linux).
 */
export function interfaceMtuBytes(address: string, folder = "/sys/class/net"): number | undefined {
  const sizes = Object.entries(networkInterfaces()).flatMap(([name, addresses]) => {
    const concerned = addresses?.some((own) => (isWildcard(address) ? !own.internal : own.address === address)) ?? false;
    const size = concerned ? mtuOf(folder, name) : undefined;
    return size === undefined ? [] : [Math.max(mtuBytesMin, size)];
  });
  return sizes.length === 0 ? undefined : Math.min(...sizes);
}

function mtuOf(folder: string, name: string): number | undefined {
  try {
    // An alias such as eth0:1 has the MTU of its interface.
    const size = Number(readFileSync(`${folder}/${name.split(":")[0]}/mtu`, "utf8"));
    return Number.isInteger(size) && size > 0 ? size : undefined;
  } catch {
    return undefined;
  }
}
