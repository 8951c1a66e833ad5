import { mkdirSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import t from "tap";
import { interfaceMtuBytes } from "../../../src/runtime/udp/interface-mtu.js";
import { temporaryFolder } from "../../support/folder.js";

t.test("the smallest MTU of those interfaces that carry the socket's datagrams", async (t) => {
  const folder = temporaryFolder(t);
  const say = (name: string, mtu: string): void => {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "mtu"), mtu);
  };
  const loopback = Object.entries(networkInterfaces()).find(([, own]) => own?.some(({ internal }) => internal));
  if (loopback === undefined) throw new Error("this machine has no loopback");
  const [name, addresses] = loopback;
  const address = addresses?.[0]?.address ?? "";
  t.equal(interfaceMtuBytes(address, folder), undefined, "the system does not say");
  say(name, "1400\n");
  t.equal(interfaceMtuBytes(address, folder), 1_400);
  t.equal(interfaceMtuBytes("0.0.0.0", folder), undefined, "loopback is not the way to others");
  say(name, "60\n");
  t.equal(interfaceMtuBytes(address, folder), 1_280, "nothing is narrower than IPv6 allows");
  say(name, "wide\n");
  t.equal(interfaceMtuBytes(address, folder), undefined);
  t.equal(interfaceMtuBytes("192.0.2.77", folder), undefined, "an address of nobody");
});
