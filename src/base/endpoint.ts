import { type IpAddress, isIPv6 } from "./ip-address.js";

/** A UDP address: a numeric address (never a host name) and a port 0–65535. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

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
