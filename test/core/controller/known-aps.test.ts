/** How many APs a controller knows, and which of them it forgets for a new one. */
import t from "tap";
import { limits } from "../../../src/core/upgrade/limits.js";
import { ControllerLab, mac } from "../../support/controller-lab.js";

/** A controller that knows as many APs as it may, all of them away, the lowest number the longest. */
function full(lab = new ControllerLab()): ControllerLab {
  for (let number = lab.domain.inventory.size + 1; number <= limits.knownAps; number++) {
    lab.join({ number });
    lab.leave(number);
  }
  lab.events.length = 0;
  return lab;
}

const knows = (lab: ControllerLab, number: number): boolean => lab.records.some(({ key }) => key === `ap/${mac(number)}`);
const newcomer = limits.knownAps + 1;

t.test("a new AP takes the place of the one that is away the longest", async (t) => {
  const lab = full();
  t.ok(lab.domain.admits(mac(1)), "a known AP needs no room");
  lab.domain.admit(mac(1));
  t.ok(lab.domain.admits(mac(newcomer)));
  t.same(lab.events, [], "asking forgets nobody");
  lab.join({ number: 1 });
  lab.leave(1);
  t.ok(lab.domain.admits(mac(newcomer)));
  lab.domain.admit(mac(newcomer));
  lab.join({ number: newcomer });
  t.notOk(knows(lab, 2), "2 was heard of before 1");
  t.ok(knows(lab, 1));
  t.ok(knows(lab, newcomer));
  t.equal(lab.domain.inventory.size, limits.knownAps);
  t.match(
    lab.events.filter(({ type }) => type === "ap-forgotten"),
    [{ mac: mac(2), name: "ap2" }],
  );
  t.equal(lab.code({ type: "show-ap-image", ap: "ap2" }), "unknown-ap", "its name is free");
});

t.test("joined APs, members of groups and APs that are being reset are not forgotten", async (t) => {
  const lab = full();
  lab.ask({ type: "group-add", group: "G" });
  lab.ask({ type: "group-ap-add", group: "G", mac: mac(1) });
  lab.join({ number: 2 });
  lab.join({ number: 3 });
  lab.ask({ type: "ap-reset", ap: "ap3" });
  lab.answer(3);
  lab.leave(3);
  t.ok(lab.domain.admits(mac(newcomer)));
  lab.domain.admit(mac(newcomer));
  lab.drain();
  t.notOk(knows(lab, 4));
  for (const number of [1, 2, 3]) t.ok(knows(lab, number), `AP ${number}`);

  const crowded = new ControllerLab();
  for (let number = 1; number <= limits.knownAps; number++) crowded.join({ number });
  t.notOk(crowded.domain.admits(mac(newcomer)), "nobody can go");
});

t.test("what was known of a reset goes with its AP", async (t) => {
  const lab = new ControllerLab();
  lab.join({ number: 1 });
  lab.ask({ type: "ap-reset", ap: "ap1" });
  lab.answer(1);
  lab.leave(1);
  lab.join({ number: 1 });
  lab.leave(1);
  const resets = (): string[] => lab.records.map(({ key }) => key).filter((key) => key.startsWith("reset/"));
  t.same(resets(), [`reset/${mac(1)}`]);
  full(lab).domain.admit(mac(newcomer));
  lab.drain();
  t.notOk(knows(lab, 1));
  t.same(resets(), []);
});
