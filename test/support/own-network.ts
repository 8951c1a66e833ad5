/** Loopback networks that tests share out among themselves, whatever else runs on the machine. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Test } from "tap";

/** Second octets that are given out; what tests and benchmarks name themselves lies below. */
const [first, last] = [100, 249];
/** Nothing else of ours binds this address, and the port is none that the system gives out. */
const placeOf = (network: number) => ({ address: `127.${network}.255.254`, port: 6_999 }) as const;

/**
 * Takes a network 127.N.0.0/16 that no other test has now: files run side by side, and some of their ports are fixed. A bound socket holds
 * it, so that it is free again when the test has ended, however that was.
 * @returns N
 */
export async function ownNetwork(t: Pick<Test, "teardown">): Promise<number> {
  const count = last - first + 1;
  for (let tries = 0; tries < count; tries++) {
    const network = first + ((process.pid + tries) % count);
    const holder = createSocket("udp4").unref();
    try {
      holder.bind(placeOf(network));
      await once(holder, "listening");
    } catch {
      holder.close();
      continue;
    }
    t.teardown(() => holder.close());
    return network;
  }
  throw new Error("all loopback networks are taken");
}
