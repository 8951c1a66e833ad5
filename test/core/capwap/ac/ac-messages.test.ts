import t from "tap";
import { invariant } from "../../../../src/base/invariant.js";
import { parseMac } from "../../../../src/base/mac-address.js";
import { identityOf } from "../../../../src/core/capwap/ac/ac-messages.js";
import { wtpBoardData, wtpDescriptor } from "../../../../src/wire/capwap/descriptors.js";
import { completeElements } from "../../../support/capwap-messages.js";

const peer = { address: "10.0.1.1", port: 50_000 };
const mac = parseMac("00:0a:b8:3b:0b:c2");
invariant(mac !== undefined, "it is one");

t.test("what an AP calls itself steers no terminal and takes one line", async (t) => {
  const named = (wtpName: string) =>
    identityOf(peer, {
      ...completeElements.joinRequest,
      wtpName,
      locationData: "roof\nfake",
      wtpBoardData: wtpBoardData(9, { model: "AIR-AP2802I", serial: "1", baseMac: mac }),
      wtpDescriptor: wtpDescriptor({ hardware: "1", activeSoftware: "8.5", boot: "1", otherSoftware: [] }, 1),
    });
  t.match(named("AP1\u001b]0;owned\u0007"), { name: "AP1 ]0;owned", location: "roof fake" });
  t.match(named("AP1\nAP2                0.0.0.0"), { name: "AP1 AP2                0.0.0.0" });
  t.match(named("\u202e\u009b"), { name: mac }, "without a name it has its address");
  t.match(named("Küche 4 日本"), { name: "Küche 4 日本" });
});
