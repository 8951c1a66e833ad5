import { isIP } from "node:net";
import t from "tap";
import { ownAddresses } from "../../../src/runtime/udp/own-addresses.js";

t.test("an address stands for itself", async (t) => {
  t.same(ownAddresses("127.9.8.7"), ["127.9.8.7"]);
  t.same(ownAddresses("::1"), ["::1"]);
});

t.test("a wildcard stands for the host's addresses", async (t) => {
  const ipv4 = ownAddresses("0.0.0.0");
  t.ok(ipv4.length > 0 && ipv4.every((address) => isIP(address) === 4), ipv4.join(" "));
  t.ok(ownAddresses("::").every((address) => isIP(address) !== 0 && !address.startsWith("fe80")));
});
