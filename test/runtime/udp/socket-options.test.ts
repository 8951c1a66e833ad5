import { spawnSync } from "node:child_process";
import t from "tap";
import { loadAddon } from "../../../src/runtime/native-addon.js";
import { networkControlClass, neverFragment, setTrafficClass } from "../../../src/runtime/udp/socket-options.js";
import { openUdpPort, type UdpPort } from "../../../src/runtime/udp/udp-ports.js";

const skip = loadAddon("socket-options") === undefined && "the add-on is not built here";

async function open(address: string, wanted: boolean): Promise<UdpPort> {
  const port = await openUdpPort({ address, port: 0, onDatagram: () => {}, onError: () => {}, neverFragment: wanted });
  if (!port.ok) throw new Error(port.failure.message);
  return port.value;
}

t.test("a socket of ours is told, over IPv4 and IPv6, and no other", { skip }, async (t) => {
  for (const address of ["127.0.0.1", "0.0.0.0", "::1", "::"]) {
    const port = await open(address, true);
    t.equal(port.neverFragments, true, address);
    t.equal(neverFragment({ address: "127.77.0.1", port: port.local.port }), false, "the same port of another address");
    await port.close();
    t.equal(neverFragment(port.local), false, "closed");
  }
  t.throws(() => loadAddon<{ neverFragment(...words: unknown[]): boolean }>("socket-options")?.neverFragment("127.0.0.1"), TypeError);
});

t.test("the traffic class is set, which the kernel tells", { skip }, async (t) => {
  const port = await open("127.0.0.1", false);
  t.equal(setTrafficClass(port.local, networkControlClass), true);
  t.equal(setTrafficClass({ address: "127.77.0.1", port: port.local.port }, networkControlClass), false, "no socket of ours");
  const table = spawnSync("ss", ["-Hnua", "--tos", `sport = :${port.local.port}`], { encoding: "utf8" });
  if (table.error === undefined && /tos:/.test(table.stdout)) t.match(table.stdout, /tos:0xc0/);
  else t.comment("ss shows no TOS of UDP sockets here");
  await port.close();
  const addon = loadAddon<{ setTrafficClass(...words: unknown[]): boolean }>("socket-options");
  for (const words of [
    ["127.0.0.1", 5246],
    ["127.0.0.1", 5246, 256],
    ["127.0.0.1", 0, 1],
  ])
    t.throws(() => addon?.setTrafficClass(...words), TypeError);
});

t.test("without the add-on nothing is promised", async (t) => {
  const before = process.env["FLEXUP_NATIVE"];
  process.env["FLEXUP_NATIVE"] = "0";
  t.teardown(() => {
    if (before === undefined) delete process.env["FLEXUP_NATIVE"];
    else process.env["FLEXUP_NATIVE"] = before;
  });
  const port = await open("127.0.0.1", true);
  t.equal(port.neverFragments, false);
  await port.close();
});
