/** "… in that group must be within the same subnet or must be accessible through NAT": subordinates that reach their primary through one. */
import t, { type Test } from "tap";
import { type ApPlan, apsOf, Fleet } from "../support/fleet.js";
import { UdpRelay } from "../support/udp-relay.js";

const imageBytes = 400_000;
const group = "branch";

/** AP1 serves behind a NAT of its own; AP2 is told the outer address. */
async function behindNat(t: Test, ...primaryArgs: string[]) {
  const fleet = await Fleet.start(t);
  const nat = await UdpRelay.open(`${fleet.network}.2.1`);
  t.teardown(() => nat.close());
  const [primary, other] = apsOf("AIR-AP2802I", 2) as [ApPlan, ApPlan];
  nat.server = { address: fleet.address(primary), port: 6969 };
  const { address, port } = nat.local;
  await fleet.join([primary], "--tftp-advertise", `${address}:${port}`, ...primaryArgs);
  await fleet.join([other]);
  await fleet.addImage(primary.model, imageBytes);
  await fleet.group(group, [primary, other], { retryCount: 1 });
  return { fleet, nat };
}

/** Most of the time these wait, each in a network of its own. */
t.jobs = 2;

t.test("with --tftp-single-port the image comes through the NAT", async (t) => {
  const { fleet, nat } = await behindNat(t, "--tftp-single-port");
  await fleet.start(group);
  t.match((await fleet.runOver(group)).run, { state: "complete" });
  t.match(await fleet.row("AP2"), { status: "Complete", source: "lan", wanBytes: 0, lanBytes: imageBytes, retryCount: 0 });
  t.ok(nat.bytesDown > imageBytes, "every byte of it");
});

t.test("without it a transfer's own port is not heard: said at once, and the image comes over the WAN", async (t) => {
  const { fleet } = await behindNat(t);
  await fleet.start(group);
  const told = fleet.controller.line(({ event, level }) => (event === "primary-unreachable" ? level : undefined));
  t.match((await fleet.runOver(group)).run, { state: "complete" });
  t.equal(await told, "warn");
  t.match(await fleet.row("AP2"), { status: "Complete", source: "wan", retryCount: 1, role: "subordinateCentral" });
});
