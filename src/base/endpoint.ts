/** A UDP address: numeric IPv4 or IPv6 text (never a host name) and a port 0–65535. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export const isIPv6 = (address: string): boolean => address.includes(":");

/** `10.0.0.1:69` or `[fe80::1]:69`; also the key under which peers are remembered. */
export const endpointText = ({ address, port }: Endpoint): string => (isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`);

export const sameEndpoint = (a: Endpoint, b: Endpoint): boolean => a.port === b.port && a.address === b.address;

/** Host as written (name or address) and port; `undefined` for an empty host or a port outside 0–65535. */
export function parseHostPort(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const match =
    /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ??
    /^([^:\s]+)(?::(\d{1,5}))?$/.exec(text) ??
    /^([0-9a-fA-F]*(?::[0-9a-fA-F.]*){2,})$/.exec(text);
  const host = match?.[1];
  if (host === undefined || host === "") return undefined;
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  return port <= 65535 ? { host, port } : undefined;
}

/** Whether a socket bound to it takes datagrams to any address of the host. */
export const isWildcard = (address: string): boolean => address === "0.0.0.0" || address === "::";

/** Whether an address is one that only this machine has; an IPv4 address may come mapped into IPv6. `localhost` counts. */
export const isLoopback = (address: string): boolean => /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1|localhost)$/.test(address);
