/** Addresses, host names and MAC addresses as people write them. */

import t from "tap";
import { endpointText, parseHostPort, sameEndpoint } from "../../src/base/endpoint.js";
import { canonicalIpAddress, ipv4Mapped, isIPv6, isIpAddress, networkOf, unmapped } from "../../src/base/ip-address.js";
import { compareMac, macFromBytes, macToBytes, parseMac } from "../../src/base/mac-address.js";

t.test("MAC addresses: four spellings, one value", async (t) => {
  for (const spelling of ["00:0a:b8:3b:0b:c2", "00-0A-B8-3B-0B-C2", "000a.b83b.0bc2", " 000AB83B0BC2 "])
    t.equal(parseMac(spelling), "00:0a:b8:3b:0b:c2");
  for (const wrong of ["", "00:0a:b8:3b:0b", "00:0a-b8:3b:0b:c2", "00:0a:b8:3b:0b:cg", "00:0a:b8:3b:0b:c2:00", "0:a:b8:3b:b:c2"])
    t.equal(parseMac(wrong), undefined, wrong);
});

t.test("MAC addresses sort as 48-bit numbers", async (t) => {
  const [low, high] = [parseMac("00:ff:ff:ff:ff:ff"), parseMac("01:00:00:00:00:00")];
  if (low === undefined || high === undefined) throw new Error("both are addresses");
  t.equal(compareMac(low, high), -1);
  t.equal(compareMac(high, low), 1);
  t.equal(compareMac(low, low), 0);
  t.equal(macFromBytes(macToBytes(high)), high);
});

t.test("hosts with ports", async (t) => {
  t.same(parseHostPort("10.0.0.1", 5246), { host: "10.0.0.1", port: 5246 });
  t.same(parseHostPort("wlc.example.net:5300", 5246), { host: "wlc.example.net", port: 5300 });
  t.same(parseHostPort("[fe80::1]:69", 5246), { host: "fe80::1", port: 69 });
  t.same(parseHostPort("[::1]", 5246), { host: "::1", port: 5246 });
  t.same(parseHostPort("::1", 5246), { host: "::1", port: 5246 });
  t.same(parseHostPort("h:0", 5246), { host: "h", port: 0 });
  for (const wrong of ["", ":80", "h:65536", "h:x", "a b"]) t.equal(parseHostPort(wrong, 1), undefined, wrong);
});

t.test("endpoints", async (t) => {
  t.equal(endpointText({ address: "10.0.0.1", port: 69 }), "10.0.0.1:69");
  t.equal(endpointText({ address: "::1", port: 69 }), "[::1]:69");
  t.ok(isIPv6("::1"));
  t.notOk(isIPv6("127.0.0.1"));
  t.ok(sameEndpoint({ address: "a", port: 1 }, { address: "a", port: 1 }));
  t.notOk(sameEndpoint({ address: "a", port: 1 }, { address: "a", port: 2 }));
});

t.test("IP addresses: one spelling each", async (t) => {
  for (const [written, canonical] of [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["fe80:0::1%eth0", "fe80::1%eth0"],
    ["::ffff:c000:0201", "::ffff:192.0.2.1"],
    ["::FFFF:192.0.2.1", "::ffff:192.0.2.1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["wlc.example.net", "wlc.example.net"],
  ] as const)
    t.equal(canonicalIpAddress(written), canonical);
  for (const wrong of ["", "1.2.3", "1.2.3.256", "1::2::3", "1:2", "::1.2.3.400", "host"]) t.notOk(isIpAddress(wrong), wrong);
  t.equal(unmapped(ipv4Mapped("192.0.2.1")), "192.0.2.1");
});

t.test("IP addresses: the network they belong to", async (t) => {
  const bits = { ipv4: 24, ipv6: 56 };
  t.equal(networkOf("192.0.2.77", bits), "192.0.2.0/24");
  t.equal(networkOf("::ffff:192.0.2.77", bits), "192.0.2.0/24");
  t.equal(networkOf("2001:db8:1:2ff:3::4", bits), "2001:db8:1:200::/56");
  t.equal(networkOf("fe80::1%eth0", bits), "fe80::/56");
});
