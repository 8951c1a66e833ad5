/** Where subordinates are sent to reach their primary. */
import t from "tap";
import type { ApSession } from "../../../../src/core/controller/inventory.js";
import { tftpServer } from "../../../../src/core/controller/run/tftp-address.js";
import { branch, type ControllerLab, mac, servingBranch, start } from "../../../support/controller-lab.js";

const session = (address: string, localAddress: string | null, advertised = ""): ApSession => ({
  peer: { address, port: 40_000 },
  localAddress,
  tftp: { address: advertised, port: 6969 },
  ...{ capable: true, proven: true, streams: true, freeBytes: 0, link: "clear", signedOnly: false },
});

t.test("the session's own address, whatever the AP says of itself", async (t) => {
  const cases = [
    { what: "plain", primary: session("10.0.0.1", "10.0.0.1"), address: "10.0.0.1" },
    { what: "it advertises a third party", primary: session("10.0.0.1", "10.0.0.1", "192.0.2.9"), address: "10.0.0.1" },
    { what: "its Local IP Address is a third party", primary: session("10.0.0.1", "192.0.2.9"), address: "10.0.0.1" },
    { what: "behind another NAT than the subordinate", primary: session("198.51.100.1", "10.0.0.1"), address: "198.51.100.1" },
    { what: "behind the subordinate's NAT", primary: session("203.0.113.2", "10.0.0.1"), address: "10.0.0.1" },
    { what: "joined without a Local IP Address", primary: session("203.0.113.2", null), address: "203.0.113.2" },
  ];
  const client = session("203.0.113.2", "10.0.0.2");
  for (const { what, primary, address } of cases) {
    t.same(tftpServer(primary, client, { primaryAddress: "session" }), { address, port: 6969 }, what);
  }
});

t.test("the address that it advertises, if its session is proven", async (t) => {
  const advertising = session("10.0.0.1", "10.0.0.1", "192.0.2.9");
  const stranger = { ...advertising, proven: false };
  const policy = { primaryAddress: "advertised" } as const;
  t.same(tftpServer(advertising, null, policy), { address: "192.0.2.9", port: 6969 });
  t.same(tftpServer(stranger, null, policy), { address: "10.0.0.1", port: 6969 });
  t.same(tftpServer(session("10.0.0.1", "10.0.0.1"), null, policy), { address: "10.0.0.1", port: 6969 });
});

const advertise = (lab: ControllerLab): void => {
  lab.domain.apInventory(lab.now, mac(1), { ...lab.inventory({ backup: "a" }), tftp: { address: "192.0.2.9", port: 6970 } });
  lab.drain();
};

t.test("a setting of the group keeps subordinates at the primary's own address, at once", async (t) => {
  const lab = servingBranch(2);
  lab.takeTold();
  advertise(lab);
  t.same(lab.takeTold(), ["2 subordinate from 192.0.2.9"]);
  lab.do({ type: "group-set", group: "G", settings: { primaryAddress: "session" } });
  t.same(lab.takeTold(), ["2 subordinate from 10.0.0.1"], "the port is its own to choose");
});

t.test("a preview says that the address is not used, and how to allow it", async (t) => {
  const lab = branch(2);
  advertise(lab);
  lab.do({ type: "group-set", group: "G", settings: { primaryAddress: "session" } });
  const warnings = (): readonly string[] =>
    lab.do({ type: "group-preview", group: "G", release: "primary" }).models.flatMap((model) => model.warnings);
  t.match(warnings(), [/ap1 advertises 192\.0\.2\.9 for TFTP, but its subordinates use 10\.0\.0\.1: .*tftp-address advertised/]);
  lab.do({ type: "group-set", group: "G", settings: { primaryAddress: "advertised" } });
  t.same(warnings(), []);
  lab.do(start);
});
