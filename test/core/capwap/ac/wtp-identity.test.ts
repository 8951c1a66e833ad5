import t from "tap";
import { invariant } from "../../../../src/base/invariant.js";
import { type MacAddress, parseMac } from "../../../../src/base/mac-address.js";
import { identityOf } from "../../../../src/core/capwap/ac/wtp-identity.js";
import { wtpBoardData, wtpDescriptor } from "../../../../src/wire/capwap/descriptors.js";
import type { ElementsOf } from "../../../../src/wire/capwap/messages.js";
import { completeElements } from "../../../support/capwap-messages.js";

const peer = { address: "10.0.1.1", port: 50_000 };
const macOf = (text: string): MacAddress => {
  const mac = parseMac(text);
  invariant(mac !== undefined, "it is one");
  return mac;
};
const mac = macOf("00:0a:b8:3b:0b:c2");
const versions = wtpDescriptor({ hardware: "1", activeSoftware: "8.5", boot: "1", otherSoftware: [] }, 1);
const boardWithoutMac = (serial: string, vendor = 9) => {
  const { data } = wtpBoardData(vendor, { model: "M", serial, baseMac: mac });
  return { vendor, data: data.slice(0, 2) };
};
const macIn = (wtpBoardData: ElementsOf<"joinRequest">["wtpBoardData"], radioMac?: Uint8Array): string => {
  const identity = identityOf(peer, { ...completeElements.joinRequest, wtpBoardData, wtpDescriptor: versions }, radioMac);
  return identity.ok ? identity.value.mac : identity.failure.message;
};

t.test("what an AP calls itself steers no terminal and takes one line", async (t) => {
  const named = (wtpName: string) =>
    identityOf(
      peer,
      {
        ...completeElements.joinRequest,
        wtpName,
        locationData: "roof\nfake",
        wtpBoardData: wtpBoardData(9, { model: "AIR-AP2802I", serial: "1", baseMac: mac }),
        wtpDescriptor: versions,
      },
      undefined,
    );
  t.match(named("AP1\u001b]0;owned\u0007"), { ok: true, value: { name: "AP1 ]0;owned", location: "roof fake" } });
  t.match(named("AP1\nAP2                0.0.0.0"), { ok: true, value: { name: "AP1 AP2                0.0.0.0" } });
  t.match(named("\u202e\u009b"), { ok: true, value: { name: mac } }, "without a name it has its address");
  t.match(named("Küche 4 日本"), { ok: true, value: { name: "Küche 4 日本" } });
});

t.test("a WTP without Base MAC Address is known by its radio's address, else by vendor, model and serial number", async (t) => {
  t.equal(macIn(boardWithoutMac("S1"), Uint8Array.of(0, 1, 2, 3, 4, 5)), "00:01:02:03:04:05");
  const derived = macIn(boardWithoutMac("S1"));
  t.match(derived, /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/, "locally administered, of one device");
  t.equal(macIn(boardWithoutMac("S1")), derived, "the same each time");
  t.equal(macIn(boardWithoutMac("S1"), Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7)), derived, "an EUI-64 is not an AP's name here");
  t.not(macIn(boardWithoutMac("S2")), derived);
  t.not(macIn(boardWithoutMac("S1", 10)), derived);
});

t.test("an address that no device has is refused, in words", async (t) => {
  for (const text of ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"]) {
    t.equal(macIn(wtpBoardData(9, { model: "M", serial: "S", baseMac: macOf(text) })), `${text} is not the MAC address of one device`);
  }
  t.equal(macIn({ vendor: 9, data: [] }), "WTP Board Data lacks model or serial number");
});
