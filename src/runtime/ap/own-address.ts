import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import type { Endpoint } from "../../base/endpoint.js";
import { isIPv6 } from "../../base/ip-address.js";

/** Our address as others reach it: the bound one, else the one on the route to the controller, else any that is not loopback. */
export async function ownAddress(bind: string, controller: Endpoint | undefined): Promise<string> {
  if (bind !== "0.0.0.0" && bind !== "::") return bind;
  if (controller !== undefined) {
    const socket = createSocket(isIPv6(controller.address) ? "udp6" : "udp4");
    try {
      socket.connect(controller.port, controller.address);
      await once(socket, "connect");
      return socket.address().address;
    } catch {
      // No route to the controller yet.
    } finally {
      socket.close();
    }
  }
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return own.find(({ internal, family }) => !internal && family === "IPv4")?.address ?? "127.0.0.1";
}
