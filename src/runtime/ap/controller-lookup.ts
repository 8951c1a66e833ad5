import { lookup } from "node:dns/promises";
import type { Endpoint } from "../../base/endpoint.js";
import { isIpAddress } from "../../base/ip-address.js";

/** A controller as an operator names it. */
export interface ControllerName {
  readonly host: string;
  readonly port: number;
}

/**
 * The endpoints behind names, in the order of the names: the first controller is the preferred one. All addresses of a
 * name count. A name without an address goes to `onMissing` and is left out.
 */
export async function lookUpControllers(
  names: readonly ControllerName[],
  onMissing: (name: ControllerName, error: Error) => void,
): Promise<readonly Endpoint[]> {
  const found = await Promise.all(
    names.map(async (name): Promise<readonly Endpoint[]> => {
      if (isIpAddress(name.host)) return [{ address: name.host, port: name.port }];
      try {
        const addresses = await lookup(name.host, { all: true });
        return addresses.map(({ address }) => ({ address, port: name.port }));
      } catch (error) {
        onMissing(name, error as Error);
        return [];
      }
    }),
  );
  return found.flat();
}
