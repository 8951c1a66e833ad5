/** Options of UDP sockets that Node cannot set, by the optional add-on `native/socket-options.c`. Each is false without it. */
import type { Endpoint } from "../../base/endpoint.js";
import { loadAddon } from "../native-addon.js";

/** Each applies to all UDP sockets of this process that are bound there, and says whether there was one and all of them took it. */
interface SocketOptions {
  neverFragment(address: string, port: number): boolean;
  mayFragment(address: string, port: number): boolean;
  setTrafficClass(address: string, port: number, octet: number): boolean;
}

const addon = (): SocketOptions | undefined => loadAddon<SocketOptions>("socket-options");

/**
 * Sends with DF, whatever path MTU the kernel has learned (IP_PMTUDISC_PROBE). Without it the kernel fragments what is larger than a path
 * MTU that it knows.
 */
export const neverFragment = ({ address, port }: Endpoint): boolean => addon()?.neverFragment(address, port) ?? false;

/**
 * Sends without DF, so that a router before a narrow link fragments instead of dropping. Without it the kernel sets DF, and learns of a
 * narrow path where the reports are not filtered.
 */
export const mayFragment = ({ address, port }: Endpoint): boolean => addon()?.mayFragment(address, port) ?? false;

/** DS field (RFC 2474) of CS6, network control, which RFC 5415 §4.5.2.1 recommends for the control channel. */
export const networkControlClass = 0xc0;

/** Sets the DS field of what is sent. */
export const setTrafficClass = ({ address, port }: Endpoint, octet: number): boolean =>
  addon()?.setTrafficClass(address, port, octet) ?? false;
