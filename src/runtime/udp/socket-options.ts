/** Options of UDP sockets that Node cannot set, by the optional add-on `native/socket-options.c`. */
import type { Endpoint } from "../../base/endpoint.js";
import { loadAddon } from "../native-addon.js";

interface SocketOptions {
  /** Whether all UDP sockets of this process that are bound there, and at least one, could be set. */
  neverFragment(address: string, port: number): boolean;
  mayFragment(address: string, port: number): boolean;
}

/**
 * Has the socket bound to `local` send with DF, whatever path MTU the kernel has learned (IP_PMTUDISC_PROBE). False where the add-on
 * was not compiled or the system refuses: then the kernel fragments what is larger than a path MTU that it knows.
 */
export const neverFragment = ({ address, port }: Endpoint): boolean =>
  loadAddon<SocketOptions>("socket-options")?.neverFragment(address, port) ?? false;

/**
 * Has the socket bound to `local` send without DF, so that a router before a narrow link fragments instead of dropping. False as for
 * `neverFragment`: then the kernel sets DF, and learns of a narrow path where the reports are not filtered.
 */
export const mayFragment = ({ address, port }: Endpoint): boolean =>
  loadAddon<SocketOptions>("socket-options")?.mayFragment(address, port) ?? false;
