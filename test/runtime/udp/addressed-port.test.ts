/** A port on all addresses that knows which one was asked. On Linux every address of 127/8 is local by a route alone. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import t from "tap";
import { type AddressedPort, openAddressedPort } from "../../../src/runtime/udp/addressed-port.js";
import { openUdpPort } from "../../../src/runtime/udp/udp-ports.js";

const free = async (address: string): Promise<number> => {
  const opened = await openUdpPort({ address, port: 0, onDatagram: () => {}, onError: () => {} });
  if (!opened.ok) throw new Error(opened.failure.message);
  await opened.value.close();
  return opened.value.local.port;
};

for (const [wildcard, asked] of [
  ["0.0.0.0", "127.39.7.9"],
  ["::", "127.39.7.9"],
  ["::", "::1"],
] as const) {
  t.test(`${wildcard} asked at ${asked}`, async (t) => {
    const port = await free(wildcard);
    const seen: unknown[] = [];
    const opened: AddressedPort | undefined = openAddressedPort({ address: wildcard, port }, 65_536, (local, bytes, from) => {
      seen.push([local, bytes.length, from]);
      opened?.send(Uint8Array.of(7), from, local);
    });
    if (opened === undefined) return void t.pass("no native listener here", { skip: "the native listener is not built here" });
    const peer = createSocket(asked.includes(":") ? "udp6" : "udp4");
    t.teardown(() => peer.close());
    await new Promise<void>((resolve) => peer.bind(0, asked.includes(":") ? "::1" : "127.39.7.1", resolve));
    for (const length of [0, 10, 1024, 9000]) {
      peer.send(new Uint8Array(length), port, asked);
      const [, from] = await once(peer, "message");
      t.match(from, { address: asked, port }, "the answer leaves from there");
    }
    t.same(
      seen,
      [0, 10, 1024, 1024].map((length) => [asked, length, { address: peer.address().address, port: peer.address().port }]),
    );
    opened.send(Uint8Array.of(1), { address: "127.39.7.1", port: 0 }, "127.39.7.9");
    opened.close();
    opened.close();
    opened.send(Uint8Array.of(1), { address: "127.39.7.1", port: 9 }, "127.39.7.9");
    const again = openAddressedPort({ address: wildcard, port }, 65_536, () => {});
    t.ok(again, "the port is free again");
    t.equal(
      openAddressedPort({ address: wildcard, port }, 65_536, () => {}),
      undefined,
      "and then it is not",
    );
    again?.close();
  });
}
