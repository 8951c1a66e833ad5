import type { AddressInfo } from "node:net";
import DgramAsPromised from "dgram-as-promised";
import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { failure, type Result, success } from "../../base/failure.js";
import { type IpAddress, ipv4Mapped, isIPv6, unmapped } from "../../base/ip-address.js";
import { neverFragment, setTrafficClass } from "./socket-options.js";

export interface UdpPortOptions {
  /** Numeric address; `0.0.0.0` or `::` for all. */
  readonly address: string;
  /** 0 for an ephemeral port. */
  readonly port: number;
  /** `bytes` is the receiver's to keep. Runs for every datagram, however long or strange. */
  readonly onDatagram: (bytes: Uint8Array, from: Endpoint) => void;
  /** A datagram could not be sent, or the socket reported an error. The port stays open. */
  readonly onError: (error: Error) => void;
  /** Other sockets of this process may take the same port with other addresses (SO_REUSEADDR). */
  readonly shared?: boolean;
  /** Asks the kernel for receive and send buffers of this size. */
  readonly bufferBytes?: number;
  /** IP must not fragment what is sent, also where the kernel has learned of a narrow path; see `UdpPort.neverFragments`. */
  readonly neverFragment?: boolean;
  /** DS field of what is sent, where the system lets us set it. */
  readonly trafficClass?: number;
  /** May send to 255.255.255.255 and to networks' broadcast addresses. */
  readonly broadcast?: boolean;
  /** Multicast groups to receive. One that cannot be joined goes to `onError`. */
  readonly groups?: readonly MulticastGroup[];
}

export interface MulticastGroup {
  readonly address: IpAddress;
  /** Address of the interface for IPv4, `::%NAME` for IPv6. */
  readonly through: string;
}

export interface UdpPort {
  /** What it is bound to; the port is the real one also where 0 was asked for. */
  readonly local: Endpoint;
  /** `neverFragment` was asked for and set (`native/socket-options.c`): a datagram that is too large is lost like any other. */
  readonly neverFragments: boolean;
  /** What the kernel made of `bufferBytes` for receiving, as it counts: Linux counts its own book-keeping too. */
  readonly receiveBufferBytes: number;
  /** Sends one control datagram. Failure goes to `onError`. */
  send(bytes: Uint8Array, to: Endpoint): void;
  /**
   * Sends one datagram that consists of `parts` one after the other, without joining them in memory: the data path.
   * The parts must not change before `sent` is called (with the error, if there was one; it goes to `onError` too).
   */
  sendParts(parts: readonly Uint8Array[], to: Endpoint, sent?: (error: Error | null) => void): void;
  /** Resolves when the port is free again. Idempotent. */
  close(): Promise<void>;
}

/** Opens one UDP port. A port that cannot be had is a failure with the reason (`port-in-use`, `port-not-permitted`, …). */
export async function openUdpPort(options: UdpPortOptions): Promise<Result<UdpPort>> {
  const v6 = isIPv6(options.address);
  const sizes = options.bufferBytes === undefined ? {} : { recvBufferSize: options.bufferBytes, sendBufferSize: options.bufferBytes };
  const promised = DgramAsPromised.createSocket({
    type: v6 ? "udp6" : "udp4",
    lookup: numericOnly,
    reuseAddr: options.shared === true,
    ...sizes,
  });
  // Without a listener of its own, Node 20 and 22 swallow EACCES at bind, and a later error would end the process.
  let open = false;
  promised.socket.on("error", (error) => {
    if (open) options.onError(error);
  });
  // `recv()` and `iterate()` lose what arrives while their body awaits.
  promised.socket.on("message", (bytes, { address, port }) => options.onDatagram(bytes, { address: unmapped(address), port }));

  let bound: AddressInfo;
  try {
    bound = await promised.bind({ address: options.address, port: options.port, exclusive: true });
  } catch (error) {
    await promised.close().catch(() => {});
    return failure(...bindFailure(error as NodeJS.ErrnoException, options));
  }

  // The library keeps an error that nobody awaited and rejects an unrelated later send with it; our listener is enough.
  promised.destroy();
  open = true;

  if (options.broadcast === true) promised.socket.setBroadcast(true);
  for (const { address, through } of options.groups ?? []) {
    try {
      promised.socket.addMembership(address, through);
    } catch (error) {
      options.onError(new Error(`group ${address} cannot be joined through ${through}: ${(error as Error).message}`));
    }
  }
  if (options.trafficClass !== undefined) setTrafficClass({ address: bound.address, port: bound.port }, options.trafficClass);
  const neverFragments = options.neverFragment === true && neverFragment({ address: bound.address, port: bound.port });

  const target = (address: string): string => (v6 ? ipv4Mapped(address) : address);
  let closing: Promise<void> | undefined;
  return success({
    local: { address: bound.address, port: bound.port },
    neverFragments,
    receiveBufferBytes: promised.socket.getRecvBufferSize(),
    send(bytes, to) {
      if (closing !== undefined) return;
      promised.send(bytes, to.port, target(to.address)).catch(options.onError);
    },
    sendParts(parts, to, sent) {
      if (closing !== undefined) return;
      const done = (error: Error | null): void => {
        // What a path or an interface does not take is lost, as it would be further on; senders that try sizes expect that.
        const isLost = neverFragments && (error as NodeJS.ErrnoException | null)?.code === "EMSGSIZE";
        if (error !== null && !isLost) options.onError(error);
        sent?.(error);
      };
      try {
        promised.socket.send(parts as Uint8Array[], to.port, target(to.address), done);
      } catch (error) {
        // A peer can claim the source port 0, to which nothing can be sent.
        done(error as Error);
      }
    },
    close() {
      closing ??= promised.close();
      return closing;
    },
  });
}

/** Peers are numeric: no datagram may wait for, or cause, a name look-up. */
const numericOnly = (address: string, _options: unknown, callback: (error: null, address: string, family: number) => void): void =>
  callback(null, address, isIPv6(address) ? 6 : 4);

function bindFailure(error: NodeJS.ErrnoException, wanted: Endpoint): [code: string, message: string] {
  const place = `UDP ${endpointText(wanted)}`;
  switch (error.code) {
    case "EADDRINUSE":
      return ["port-in-use", `${place} is in use by another process; stop it or choose another port`];
    case "EACCES":
      return [
        "port-not-permitted",
        `${place} may not be opened by this user; ports below 1024 need CAP_NET_BIND_SERVICE, or choose another port`,
      ];
    case "EADDRNOTAVAIL":
      return ["address-not-local", `${wanted.address} is not an address of this host; choose one of its own or 0.0.0.0`];
    default:
      return ["port-failed", `${place} could not be opened: ${error.message}`];
  }
}
