import t from "tap";
import { acsOfOption43, acsOfOption138 } from "../../../src/wire/capwap/dhcp-options.js";
import { hex } from "../../support/fixtures.js";
import fc from "../../support/properties.js";

t.test("option 138 is a list of IPv4 addresses", async (t) => {
  t.same(acsOfOption138(hex("c0a8000a 0a000001")), ["192.168.0.10", "10.0.0.1"]);
  for (const bad of ["", "c0a800", "c0a8000a0a"]) t.equal(acsOfOption138(hex(bad)), undefined, bad);
});

t.test("option 43 holds them in sub-option 241, among others", async (t) => {
  t.same(acsOfOption43(hex("f1 04 c0a8000a")), ["192.168.0.10"]);
  t.same(acsOfOption43(hex("0a 01 ff f1 08 c0a8000a c0a8000b 0b 00")), ["192.168.0.10", "192.168.0.11"]);
  for (const bad of ["", "f1", "f108c0a8000a", "f103c0a800", "f100", "0a01ff"]) t.equal(acsOfOption43(hex(bad)), undefined, bad);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => [undefined, "object"].includes(acsOfOption43(octets) && "object")));
});
