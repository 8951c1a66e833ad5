/** On a host with several addresses each peer is answered from the one that it wrote to. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import t from "tap";
import { openAnsweringPort } from "../../../src/runtime/udp/answering-port.js";

async function asked(port: number, to: string): Promise<string> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  socket.send("?", port, to);
  const [, from] = (await once(socket, "message")) as [Buffer, { readonly address: string }];
  socket.close();
  return from.address;
}

t.test("a wildcard answers from the asked address", async (t) => {
  const opened = await openAnsweringPort({
    address: "0.0.0.0",
    port: 0,
    onDatagram: (bytes, from) => opened.ok && opened.value.send(bytes, from),
    onError: (error) => t.fail(error.message),
  });
  if (!opened.ok) throw new Error(opened.failure.message);
  t.teardown(() => opened.value.close());
  const { port } = opened.value.local;
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  for (const { address } of own.filter(({ family }) => family === "IPv4")) t.equal(await asked(port, address), address);
});

t.test("one address is answered from by one socket, and is free again when closed", async (t) => {
  const open = () => openAnsweringPort({ address: "127.0.0.1", port: 0, onDatagram: () => {}, onError: () => {} });
  const opened = await open();
  if (!opened.ok) throw new Error(opened.failure.message);
  const { local } = opened.value;
  t.equal(local.address, "127.0.0.1");
  await opened.value.close();
  const again = await openAnsweringPort({ ...local, onDatagram: () => {}, onError: () => {} });
  t.equal(again.ok, true);
  if (again.ok) await again.value.close();
});
