/** What our machines send, judged by tshark. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { checkCapture, hasTshark } from "../support/capcheck.js";
import { writeCapture } from "../support/captures.js";
import { reboots } from "../support/capwap-messages.js";
import { CapwapWorld, storedImage } from "../support/capwap-world.js";
import { fixture } from "../support/fixtures.js";

const identifier = { vendor: 32473, name: "8.5.161.0" };

const skip = hasTshark() ? false : "tshark is not installed: no foreign eye looks at our CAPWAP messages";

t.test("the checker tells good captures from broken ones", { skip }, async (t) => {
  t.same(checkCapture(fixture("capwap", "good.pcap"), 5246), { messages: 30, faults: [] });
  for (const name of readdirSync(fixture("capwap")).filter((file) => file.startsWith("bad_"))) {
    t.not(checkCapture(fixture("capwap", name), 5246).faults.length, 0, name);
  }
});

t.test("a whole conversation with loss, duplication and reordering has no fault", { skip }, async (t) => {
  const world = new CapwapWorld(11, { loss: 0.05, duplication: 0.05, delayMsMin: 5, delayMsMax: 200 }, { wtps: 3 });
  world.image = storedImage(20_000);
  world.start();
  world.run(600_000, () => world.runningSessions === 3 && world.acEvents.filter(({ type }) => type === "running").length === 3);
  const sessions = world.acEvents.flatMap((event) => (event.type === "running" ? [event.session] : []));
  for (const session of sessions) {
    const update = { type: "configurationUpdateRequest", elements: { imageIdentifier: identifier, upgradeAbort: { runId: 1 } } } as const;
    world.onAc((ac, out) => ac.request(world.now, session, update, "fetch", out));
  }
  world.run(world.now + 3_600_000, () => world.acEvents.filter(({ type }) => type === "transfer-ended").length === 3);
  const events = { wtpRebootStatistics: [reboots], vendorPayload: [{ vendor: 9, elementId: 3, data: new Uint8Array(1_800) }] };
  world.onWtp(0, (wtp, out) => wtp.request(world.now, { type: "wtpEventRequest", elements: events }, "event", out));
  world.run(world.now + 120_000);
  for (const session of sessions) {
    const reset = { type: "resetRequest", elements: { imageIdentifier: identifier } } as const;
    world.onAc((ac, out) => ac.request(world.now, session, reset, "reset", out));
  }
  world.run(world.now + 120_000, () => world.ac.sessionCount === 0);
  t.equal(world.ac.sessionCount, 0, "all were reset");
  t.ok(
    world.capture.some(({ payload }) => ((payload[3] ?? 0) & 0x80) !== 0),
    "one message went in fragments",
  );

  const path = join(t.testdir(), "conversation.pcap");
  writeCapture(path, world.capture);
  const verdict = checkCapture(path, 5246);
  t.same(verdict.faults, []);
  t.equal(verdict.messages, world.capture.length);
  t.comment(`${verdict.messages} datagrams, ${verdict.faults.length} faults`);
});
