/**
 * The optional native listener (`native/udp-listener.c`): a UDP port on all addresses of the host that knows which one each datagram was
 * sent to, and answers from there.
 */
import type { Endpoint } from "../../base/endpoint.js";
import { canonicalIpAddress, ipv4Mapped, isIPv6, unmapped } from "../../base/ip-address.js";
import { loadAddon } from "../native-addon.js";

declare const brand: unique symbol;
interface NativeListener {
  readonly [brand]: true;
}

interface NativeUdpListener {
  /**
   * @param onDatagram gets at most 1024 octets of each datagram; none that was sent to a broadcast or multicast address
   * @throws Error with the system's reason
   */
  open(
    address: string,
    port: number,
    bufferBytes: number,
    onDatagram: (bytes: Buffer, address: string, port: number, local: string) => void,
  ): NativeListener;
  /** What the host cannot send is lost, as on any network. */
  send(listener: NativeListener, bytes: Uint8Array, address: string, port: number, local: string): void;
  close(listener: NativeListener): void;
}

export interface AddressedPort {
  /** @param local the address of ours that it is sent from */
  send(bytes: Uint8Array, to: Endpoint, local: string): void;
  close(): void;
}

/** Undefined where the add-on was not compiled, or the system refuses: then sockets for each address are the next best. */
export function openAddressedPort(
  listen: Endpoint,
  bufferBytes: number,
  onDatagram: (local: string, bytes: Uint8Array, from: Endpoint) => void,
): AddressedPort | undefined {
  const native = loadAddon<NativeUdpListener>("udp-listener");
  if (native === undefined) return undefined;
  const target = isIPv6(listen.address) ? ipv4Mapped : (plain: string): string => plain;
  let listener: NativeListener | undefined;
  try {
    listener = native.open(listen.address, listen.port, bufferBytes, (bytes, address, port, local) => {
      if (listener === undefined) return;
      try {
        onDatagram(unmapped(local), bytes, { address: canonicalIpAddress(unmapped(address)), port });
      } catch (error) {
        // Node would only warn of what a native callback throws.
        process.nextTick(() => {
          throw error;
        });
      }
    });
  } catch {
    return undefined;
  }
  return {
    send: (bytes, to, local) => {
      // A peer can claim the source port 0, to which nothing can be sent.
      if (listener !== undefined && to.port !== 0) native.send(listener, bytes, target(to.address), to.port, local);
    },
    close: () => {
      if (listener !== undefined) native.close(listener);
      listener = undefined;
    },
  };
}
