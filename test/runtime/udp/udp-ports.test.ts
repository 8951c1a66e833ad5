import t from "tap";
import { type Endpoint, endpointText } from "../../../src/base/endpoint.js";
import { openUdpPort, type UdpPort } from "../../../src/runtime/udp/udp-ports.js";

const host = "127.50.0.1";

async function opened(
  t: Tap,
  address: string,
  onDatagram: (bytes: Uint8Array, from: Endpoint) => void,
  errors: Error[] = [],
): Promise<UdpPort> {
  const result = await openUdpPort({ address, port: 0, onDatagram, onError: (error) => errors.push(error) });
  if (!result.ok) throw new Error(result.failure.message);
  t.teardown(() => result.value.close());
  return result.value;
}
type Tap = Pick<import("tap").Test, "teardown">;

t.test("datagrams go both ways, whole or in parts", async (t) => {
  const received: string[] = [];
  let arrived = (): void => {};
  const all = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const a = await opened(t, host, () => {});
  const b = await opened(t, host, (bytes, from) => {
    received.push(`${Buffer.from(bytes).toString()} from ${endpointText(from)}`);
    if (received.length === 2) arrived();
  });
  a.send(Buffer.from("whole"), b.local);
  a.sendParts([Buffer.from("head+"), Buffer.from("tail")], b.local);
  await all;
  const from = endpointText(a.local);
  t.same(received.sort(), [`head+tail from ${from}`, `whole from ${from}`]);
});

t.test("a dual-stack port speaks of IPv4 peers by their IPv4 address", async (t) => {
  const wide = await openUdpPort({
    address: "::",
    port: 0,
    onDatagram: (bytes, from) => wide.ok && wide.value.send(bytes, from),
    onError: (error) => void t.fail(error.message),
  });
  if (!wide.ok) {
    t.comment(`skipped, no IPv6 here: ${wide.failure.message}`);
    return;
  }
  t.teardown(() => wide.value.close());
  const answer = await new Promise<Endpoint>((resolve) => {
    opened(t, host, (_bytes, from) => resolve(from)).then((client) =>
      client.send(Buffer.from("hello"), { address: "127.0.0.1", port: wide.value.local.port }),
    );
  });
  t.same(answer, { address: "127.0.0.1", port: wide.value.local.port });
});

t.test("a port that cannot be had says why", async (t) => {
  const first = await opened(t, host, () => {});
  const open = (address: string, port: number) => openUdpPort({ address, port, onDatagram: () => {}, onError: () => t.fail("told twice") });
  t.same(await open(host, first.local.port), {
    ok: false,
    failure: {
      code: "port-in-use",
      message: `UDP ${host}:${first.local.port} is in use by another process; stop it or choose another port`,
    },
  });
  t.same(await open("192.0.2.1", 0), {
    ok: false,
    failure: { code: "address-not-local", message: "192.0.2.1 is not an address of this host; choose one of its own or 0.0.0.0" },
  });
});

t.test("what cannot be sent is an error told, not thrown, and the port continues", async (t) => {
  const errors: Error[] = [];
  const got = new Promise<void>((resolve) => {
    opened(t, host, () => resolve()).then(async (b) => {
      const a = await opened(t, host, () => {}, errors);
      a.send(Buffer.from("x"), { address: host, port: 0 });
      a.sendParts([Buffer.from("x")], { address: host, port: 0 });
      a.send(Buffer.alloc(70_000), b.local);
      a.sendParts([Buffer.alloc(70_000)], b.local, (error) => {
        t.ok(error, "the sender of parts hears it as well");
        a.send(Buffer.from("still here"), b.local);
      });
    });
  });
  await got;
  t.equal(errors.length, 4);
});

t.test("closing twice and sending after it is harmless", async (t) => {
  const port = await opened(t, host, () => {}, []);
  await Promise.all([port.close(), port.close()]);
  port.send(Buffer.from("x"), port.local);
  port.sendParts([Buffer.from("x")], port.local);
  t.pass("nothing thrown");
});
