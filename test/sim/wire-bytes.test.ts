/** "On the wire" means what the controller's socket carried for images, with what DTLS adds. */
import t from "tap";
import { Fleet } from "../../src/sim/fleet.js";
import { capwapIn, standInOverheadBytes } from "../../src/sim/secure-link/stand-in-wire.js";
import { isImageData } from "../../src/wire/capwap/peek.js";

for (const link of ["clear", "dtls"] as const)
  t.test(`image datagrams of a run: ${link}`, async (t) => {
    const fleet = new Fleet({ aps: 1, models: ["AIR-AP2802I"], link });
    fleet.setUp();
    let octets = 0;
    let datagrams = 0;
    fleet.network.tap("arrived", ({ bytes }) => {
      const capwap = capwapIn(bytes);
      if (capwap === undefined || !isImageData(capwap)) return;
      octets += bytes.length;
      datagrams++;
      if (link === "dtls") t.equal(bytes.length, capwap.length + standInOverheadBytes);
    });
    fleet.start();
    t.ok(fleet.finish(3_600_000));
    t.ok(datagrams > 100, `${datagrams} datagrams`);
    t.equal(fleet.group().run?.wanWireBytes, octets);
  });
