/**
 * The listening port on one address or on all of them. On all, it is known which one a peer asked, and a multi-homed host answers from
 * there (RFC 1123 §4.2.3.4's hosts would otherwise reply from wherever the route leads): by the native listener, or where there is
 * none by a socket for each address of the host beside the wildcard's.
 */

import { networkInterfaces } from "node:os";
import type { Endpoint } from "../../base/endpoint.js";
import { type Result, success } from "../../base/failure.js";
import { isIPv6, isWildcard } from "../../base/ip-address.js";
import { type AddressedPort, openAddressedPort } from "../udp/addressed-port.js";
import { openUdpPort, type UdpPort, type UdpPortOptions } from "../udp/udp-ports.js";

/** How soon a new address of the host is served by a socket of its own. */
const RESCAN_INTERVAL_MS = 10_000;

export type ListeningPort = Pick<UdpPort, "send" | "sendParts">;

export interface ListeningPorts {
  /** The wildcard address where all are served. */
  readonly local: Endpoint;
  /** What is sent from `local`, an address given with a datagram. */
  port(local: string): ListeningPort;
  /** The socket on the wildcard or the one address; undefined where the native listener serves all. */
  readonly socket: UdpPort | undefined;
  close(): Promise<void>;
}

/** Of all sockets; the groups are those of the one on `listen`. */
export type ListeningOptions = Partial<Pick<UdpPortOptions, "bufferBytes" | "neverFragment" | "trafficClass" | "groups">>;

export async function openListeningPorts(
  listen: Endpoint,
  onDatagram: (local: string, bytes: Uint8Array, from: Endpoint) => void,
  onError: (error: Error) => void,
  options: ListeningOptions = {},
): Promise<Result<ListeningPorts>> {
  const { groups, ...sockets } = options;
  const open = (address: string, port: number, shared: boolean): Promise<Result<UdpPort>> =>
    openUdpPort({
      bufferBytes: LISTENING_BUFFER_BYTES,
      ...sockets,
      address,
      port,
      shared,
      ...(groups && address === listen.address && { groups }),
      onDatagram: (bytes, from) => onDatagram(address, bytes, from),
      onError,
    });

  if (!isWildcard(listen.address)) {
    const opened = await open(listen.address, listen.port, false);
    if (!opened.ok) return opened;
    const only = opened.value;
    return success({ local: only.local, port: () => only, socket: only, close: () => only.close() });
  }

  // Bound exclusively first: sharing the port must not hide that another process has it.
  const alone = await open(listen.address, listen.port, false);
  if (!alone.ok) return alone;
  const { address: wildcardAddress, port } = alone.value.local;
  await alone.value.close();
  const local: Endpoint = { address: wildcardAddress, port };
  // The native listener takes none of these options.
  const isPlain = Object.keys(options).length === 0;
  const addressed = isPlain ? openAddressedPort({ address: listen.address, port }, LISTENING_BUFFER_BYTES, onDatagram) : undefined;
  if (addressed !== undefined) return success(addressedPorts(local, addressed));
  const wildcard = await open(listen.address, port, true);
  if (!wildcard.ok) return wildcard;

  const byAddress = new Map<string, UdpPort>();
  let scanning = Promise.resolve();
  const scan = async (): Promise<void> => {
    const present = new Set(ownAddresses(isIPv6(listen.address)));
    for (const [address, gone] of byAddress) {
      if (present.has(address)) continue;
      byAddress.delete(address);
      await gone.close();
    }
    for (const address of present) {
      if (byAddress.has(address)) continue;
      const opened = await open(address, port, true);
      // An address that is just coming or going; the wildcard's socket serves it until the next look.
      if (opened.ok) byAddress.set(address, opened.value);
    }
  };
  await scan();
  const timer = setInterval(() => {
    scanning = scanning.then(scan);
  }, RESCAN_INTERVAL_MS);
  timer.unref();

  return success({
    local: wildcard.value.local,
    port: (local) => byAddress.get(local) ?? wildcard.value,
    socket: wildcard.value,
    close: async () => {
      clearInterval(timer);
      await scanning;
      await Promise.all([wildcard.value.close(), ...Array.from(byAddress.values(), (open) => open.close())]);
    },
  });
}

const addressedPorts = (local: Endpoint, { send, close }: AddressedPort): ListeningPorts => ({
  local,
  port: (from) => ({
    send: (bytes, to) => send(bytes, to, from),
    sendParts: (parts, to, sent) => {
      send(Buffer.concat(parts), to, from);
      sent?.(null);
    },
  }),
  socket: undefined,
  close: async () => close(),
});

const LISTENING_BUFFER_BYTES = 256 * 1024;

function ownAddresses(v6Too: boolean): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ family }) => family === "IPv4" || v6Too)
      .map(({ address, family, scopeid }) => (family === "IPv6" && scopeid ? `${address}%${name}` : address)),
  );
}
