import { lookup, resolveSrv } from "node:dns/promises";
import type { Endpoint } from "../../base/endpoint.js";
import { type IpAddress, isIpAddress } from "../../base/ip-address.js";
import type { FoundController } from "../../core/ap/contract.js";
import { ports } from "../../wire/capwap/defaults.js";

/** A controller as an operator names it. */
export interface ControllerName {
  readonly host: string;
  readonly port: number;
}

/** Where an AP gets to know of controllers, in the order of RFC 5415 §3.3. */
export interface ControllerSources {
  /** What the operator has configured. */
  readonly configured: readonly ControllerName[];
  /** From the DHCP server. */
  readonly dhcp: readonly IpAddress[];
  /** Domain to ask DNS about; without it, DNS is asked for well-known hosts, and only where nothing else is given. */
  readonly domain?: string | undefined;
}

/** DNS, as far as this module needs it. */
export interface NameService {
  /** Rejects where there is none. */
  addressesOf(host: string): Promise<readonly IpAddress[]>;
  servicesOf(
    name: string,
  ): Promise<readonly { readonly name: string; readonly port: number; readonly priority: number; readonly weight: number }[]>;
}

const systemNames: NameService = {
  addressesOf: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  servicesOf: resolveSrv,
};

const srvService = "_capwap-control._udp";
/** RFC 5415 names the first; the second is what APs of the source document ask for. */
const wellKnownHosts = ["CAPWAP-AC", "CISCO-CAPWAP-CONTROLLER"] as const;
/** Where nothing is known, the AP asks everyone (§3.3). */
const groups: readonly FoundController[] = ["255.255.255.255", "224.0.1.140"].map((address) => ({
  address,
  port: ports.control,
  foundBy: "group",
}));

/**
 * The endpoints of controllers, the preferred first: configured ones, DHCP's, DNS's. All addresses of a name count. A configured name
 * that has none now is reported to `onMissing` and left out.
 */
export async function lookUpControllers(
  { configured, dhcp, domain }: ControllerSources,
  onMissing: (name: ControllerName, error: Error) => void,
  names: NameService = systemNames,
): Promise<readonly FoundController[]> {
  const asksDns = domain !== undefined || (configured.length === 0 && dhcp.length === 0);
  const missing = (name: ControllerName, error: Error): Endpoint[] => {
    onMissing(name, error);
    return [];
  };
  const [named, fromDns] = await Promise.all([
    Promise.all(configured.map((name) => endpointsOf(name, names).catch((error: Error) => missing(name, error)))),
    asksDns ? controllersInDns(domain, names) : [],
  ]);
  const found: readonly FoundController[] = [
    ...named.flat().map((endpoint) => ({ ...endpoint, foundBy: "static" as const })),
    ...dhcp.map((address) => ({ address, port: ports.control, foundBy: "dhcp" as const })),
    ...fromDns.map((endpoint) => ({ ...endpoint, foundBy: "dns" as const })),
  ];
  return found.length > 0 || configured.length > 0 ? found : groups;
}

async function endpointsOf({ host, port }: ControllerName, names: NameService): Promise<Endpoint[]> {
  if (isIpAddress(host)) return [{ address: host, port }];
  return (await names.addressesOf(host)).map((address) => ({ address, port }));
}

/** Services first, by priority. Names that DNS does not have are skipped. */
async function controllersInDns(domain: string | undefined, names: NameService): Promise<Endpoint[]> {
  const services = domain === undefined ? [] : await names.servicesOf(`${srvService}.${domain}`).catch(() => []);
  const ordered = [...services].sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  const hosts = [
    ...ordered.map(({ name, port }) => ({ host: name, port })),
    ...wellKnownHosts.map((host) => ({ host: domain === undefined ? host : `${host}.${domain}`, port: ports.control })),
  ];
  const found = await Promise.all(hosts.map((host) => endpointsOf(host, names).catch(() => [])));
  return found.flat();
}
