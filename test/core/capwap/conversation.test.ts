/** An AC and WTPs talk to each other over networks of all kinds. */
import t from "tap";
import { CapwapWorld, cleanNetwork, type NetworkFaults, storedImage } from "../../support/capwap-world.js";

const identifier = { vendor: 32473, name: "8.5.161.0" };

t.test("from power-on to Run on a clean network", async (t) => {
  const world = new CapwapWorld(1);
  world.start();
  world.run(60_000);
  t.same(world.wtpEventTypes(), ["discovery", "join", "configure", "data-check", "run"]);
  t.same(
    world.acEvents.map(({ type }) => type),
    ["joined", "running"],
  );
  t.match(world.acEvents[0], {
    wtp: { name: "ap-0", model: "AIR-AP2802I", mac: "02:00:00:00:00:00", nat: false, activeVersion: "8.5.100.0" },
  });
});

t.test("sessions stay up on echoes alone", async (t) => {
  const world = new CapwapWorld(2, cleanNetwork, { wtps: 5 });
  world.start();
  world.run(3_600_000);
  t.equal(world.runningSessions, 5);
  t.equal(world.ac.sessionCount, 5);
  t.equal(world.acEvents.filter(({ type }) => type === "left").length, 0);
});

const networks: Readonly<Record<string, NetworkFaults>> = {
  clean: cleanNetwork,
  "5 % loss": { loss: 0.05, duplication: 0, delayMsMin: 50, delayMsMax: 50 },
  duplication: { loss: 0, duplication: 0.5, delayMsMin: 10, delayMsMax: 10 },
  "loss, duplication and reordering": { loss: 0.1, duplication: 0.1, delayMsMin: 5, delayMsMax: 400 },
};

for (const [name, faults] of Object.entries(networks)) {
  t.test(`an ordered image arrives whole and once: ${name}`, async (t) => {
    for (const sizeBytes of [1, 1023, 1024, 1025, 40_000]) {
      const world = new CapwapWorld(sizeBytes, faults);
      world.image = storedImage(sizeBytes);
      world.start();
      world.run(600_000, () => world.ac.sessionCount === 1 && world.runningSessions === 1);
      const session = world.acEvents.find((event) => event.type === "running");
      if (session?.type !== "running") throw new Error("not running");
      const order = { type: "configurationUpdateRequest", elements: { imageIdentifier: identifier } } as const;
      world.onAc((ac, out) => ac.request(world.now, session.session, order, "order", out));
      world.run(world.now + 3_600_000, () => world.acEvents.some(({ type }) => type === "transfer-ended"));
      t.match(
        world.acEvents.find(({ type }) => type === "transfer-ended"),
        { outcome: { type: "complete" }, bytesDone: sizeBytes },
        `${sizeBytes} bytes: complete`,
      );
      t.match(
        world.acEvents.find(({ type }) => type === "answered"),
        { tag: "order", resultCode: 0 },
      );
      t.ok(Buffer.compare(world.imageOf(0), world.image.bytes) === 0, `${sizeBytes} bytes: content`);
      t.ok(world.wtpEventTypes().includes("image-complete"));
    }
  });
}
