import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { type Result, success } from "../../base/failure.js";
import { type ListeningOptions, type ListeningPort, openListeningPorts } from "../tftp/listening-ports.js";
import type { UdpPort, UdpPortOptions } from "./udp-ports.js";

/** Peers whose way to us is remembered; anybody can make peers up, so the oldest goes. */
const peersMax = 65_536;

export type AnsweringPortOptions = Pick<UdpPortOptions, "address" | "port" | "onDatagram" | "onError"> & ListeningOptions;

/**
 * A port that answers each peer from the address that it wrote to last. On a wildcard, the kernel would choose the address by the route
 * back, which on a host with several is not the one that the peer knows.
 */
export async function openAnsweringPort({
  address,
  port,
  onDatagram,
  onError,
  ...options
}: AnsweringPortOptions): Promise<Result<UdpPort>> {
  const localOf = new Map<string, string>();
  const receive = (local: string, bytes: Uint8Array, from: Endpoint): void => {
    if (local !== address) remember(localOf, endpointText(from), local);
    onDatagram(bytes, from);
  };
  const opened = await openListeningPorts({ address, port }, receive, onError, options);
  if (!opened.ok) return opened;
  const ports = opened.value;
  const common = ports.port(address);
  const portTo = (to: Endpoint): ListeningPort => (localOf.size === 0 ? common : ports.port(localOf.get(endpointText(to)) ?? address));
  return success({
    local: ports.local,
    neverFragments: ports.socket?.neverFragments ?? false,
    receiveBufferBytes: ports.socket?.receiveBufferBytes ?? 0,
    send: (bytes, to) => portTo(to).send(bytes, to),
    sendParts: (parts, to, sent) => portTo(to).sendParts(parts, to, sent),
    close: () => ports.close(),
  });
}

function remember(localOf: Map<string, string>, peer: string, local: string): void {
  if (localOf.get(peer) === local) return;
  localOf.set(peer, local);
  const [oldest] = localOf.keys();
  if (localOf.size > peersMax && oldest !== undefined) localOf.delete(oldest);
}
