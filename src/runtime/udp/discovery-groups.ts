/** The groups in which an AC hears Discovery Requests beside those to its address (RFC 5415 §3.3). */
import { networkInterfaces } from "node:os";
import { isIPv6, isWildcard } from "../../base/ip-address.js";
import { type MulticastGroup, openUdpPort, type UdpPort, type UdpPortOptions } from "./udp-ports.js";

const allAcsIpv4 = "224.0.1.140";
/** FF0X::18C on the link and in the site. */
const allAcsIpv6 = ["ff02::18c", "ff05::18c"] as const;
const limitedBroadcast = "255.255.255.255";

/** Of the interfaces that a socket bound to `address` serves, loopback left out. */
export function discoveryGroups(address: string): MulticastGroup[] {
  const interfaces = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).filter(({ internal }) => !internal).map((own) => ({ name, ...own })),
  );
  const served = isWildcard(address) ? interfaces : interfaces.filter((own) => own.address === address);
  const ipv4 = served.filter(({ family }) => family === "IPv4").map((own) => ({ address: allAcsIpv4, through: own.address }));
  const names = new Set(served.filter(({ family }) => family === "IPv6").map(({ name }) => name));
  const ipv6 = [...names].flatMap((name) => allAcsIpv6.map((group) => ({ address: group, through: `::%${name}` })));
  // An IPv6 socket takes part in IPv4 groups only by its IPv4 side, which Node does not reach.
  return isIPv6(address) ? ipv6 : ipv4;
}

/**
 * Sockets for groups and broadcast beside one that is bound to a single address, which receives neither. None beside a wildcard, which
 * receives both, and none where the system does not allow them.
 */
export async function openGroupPorts(
  listen: { readonly address: string; readonly port: number },
  handlers: Pick<UdpPortOptions, "onDatagram" | "onError">,
): Promise<UdpPort[]> {
  const groups = isWildcard(listen.address) ? [] : discoveryGroups(listen.address);
  const addresses = [...new Set(groups.map(({ address }) => address))];
  if (addresses.includes(allAcsIpv4)) addresses.push(limitedBroadcast);
  const opened = await Promise.all(
    addresses.map((address) =>
      openUdpPort({
        ...handlers,
        address,
        port: listen.port,
        shared: true,
        groups: groups.filter((group) => group.address === address),
      }),
    ),
  );
  return opened.flatMap((port) => (port.ok ? [port.value] : []));
}
