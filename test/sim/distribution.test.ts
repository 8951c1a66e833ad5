/** The bars of the distributions that a group may choose, in virtual time. */
import t from "tap";
import { Fleet } from "../../src/sim/fleet.js";
import { checkedFleet } from "../../src/sim/fleet-checks.js";
import type { FleetOptions } from "../../src/sim/fleet-options.js";

const imageBytes = 64 * 1024;

/** One model, and the time of one LAN transfer set by the rate of a session. */
const branch = (aps: number, transferSeconds: number): Partial<FleetOptions> => ({
  aps,
  imageBytes,
  models: ["AIR-CAP3702I"],
  distribution: "assigned",
  fastTransfer: true,
  sessionBytesPerSecond: imageBytes / transferSeconds,
});

/** Share of the primary's slots in use while more APs want one than it has, and the seconds from its first session to the end. */
function play(fleet: Fleet): { readonly busyShare: number; readonly lanSeconds: number } {
  const [primary] = fleet.aps;
  const { sessionsMax, aps } = fleet.options;
  const complete = new Set<string>();
  let seen = 0;
  let sessions = 0;
  let since = fleet.world.now;
  let firstAt: number | undefined;
  let busyMs = 0;
  let spanMs = 0;
  fleet.world.observe(() => {
    const { now } = fleet.world;
    for (; seen < fleet.happenings.length; seen++) {
      const happening = fleet.happenings[seen];
      if (happening && "progress" in happening.event && happening.event.progress.state === "complete") complete.add(happening.subject);
    }
    if (sessions > 0) firstAt ??= since;
    if (firstAt !== undefined && aps - complete.size >= sessionsMax) {
      busyMs += sessions * (now - since);
      spanMs += sessionsMax * (now - since);
    }
    sessions = primary?.openSessions ?? 0;
    since = now;
  });
  fleet.start();
  fleet.finish(7 * 86_400_000);
  return { busyShare: busyMs / spanMs, lanSeconds: (fleet.world.now - (firstAt ?? Number.NaN)) / 1000 };
}

for (const aps of [10, 100]) {
  t.test(`assigned, ${aps} APs, 30 s a transfer: the slots are busy, and nobody asks in vain`, async (t) => {
    const fleet = checkedFleet(branch(aps, 30));
    fleet.setUp();
    const { busyShare, lanSeconds } = play(fleet);
    t.comment(`${(100 * busyShare).toFixed(1)} % busy, ${lanSeconds.toFixed(0)} s`);
    t.equal(fleet.watch.runState, "complete");
    t.ok(busyShare > 0.95, `${(100 * busyShare).toFixed(1)} %`);
    if (aps === 100) t.ok(lanSeconds <= 1040, `${lanSeconds.toFixed(0)} s`);
    t.equal(fleet.watch.triesMost, 0);
    t.match(fleet.group().models, [{ wanCopies: 1, sessionsPeak: 3 }]);
  });
}

t.test("assigned, 300 APs, 600 s a transfer: nobody falls back to the WAN", async (t) => {
  // Without the checks after each event, which all look at each of 300 APs.
  const fleet = new Fleet({ ...branch(300, 600), echoIntervalMs: 250_000 });
  fleet.setUp();
  play(fleet);
  t.equal(fleet.watch.runState, "complete");
  t.equal(fleet.watch.fallbacks.size, 0);
  t.match(fleet.group().models, [{ wanCopies: 1 }]);
});
