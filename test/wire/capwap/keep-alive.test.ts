import t from "tap";
import { hexOf } from "../../../src/base/hex.js";
import { keepAlive, readKeepAlive } from "../../../src/wire/capwap/keep-alive.js";
import { hex } from "../../support/fixtures.js";
import fc from "../../support/properties.js";

const sessionId = new Uint8Array(16).fill(0x5a);
/** As openCAPWAP sends it. */
const asSent = `0010020800000000 0016 0023 0010 ${"5a".repeat(16)}`;

t.test("the vector that a foreign WTP sends, both ways", async (t) => {
  t.equal(hexOf(keepAlive(sessionId)), asSent.replaceAll(" ", ""));
  t.same(readKeepAlive(hex(asSent)), sessionId);
  t.same(readKeepAlive(hex(asSent.replace("0016 ", "0014 "))), sessionId, "a length that does not count itself");
});

t.test("anything else is none", async (t) => {
  for (const bad of [
    "",
    asSent.replace("0208", "0200"),
    asSent.replace("0023", "0024"),
    asSent.replace("0016 ", "0010 "),
    asSent.replace("0010 5a", "000f 5a"),
    asSent.slice(0, -2),
    `${asSent}00`,
  ]) {
    t.equal(readKeepAlive(hex(bad)), undefined, bad);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => (readKeepAlive(bytes)?.length ?? 16) === 16));
});
