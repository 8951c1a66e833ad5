/** The name that an AP gives itself, and the one word that tables make of it. */
import t from "tap";
import { ControllerLab, mac } from "../../support/controller-lab.js";

t.test("a row of show ap image has a name without blanks; the AP's own name stays as it is", async (t) => {
  const lab = new ControllerLab();
  lab.join({ number: 1, name: "Lobby 2nd\u00a0floor" });
  t.match(lab.do({ type: "show-ap-summary" }), [{ name: "Lobby 2nd\u00a0floor" }]);
  t.match(lab.do({ type: "show-ap-image", ap: "all" }), { aps: [{ name: "Lobby_2nd_floor" }] });
});

t.test("an AP is found by both spellings of its name", async (t) => {
  const lab = new ControllerLab();
  lab.join({ number: 1, name: "Lobby 2nd floor" });
  for (const ap of ["Lobby_2nd_floor", "lobby 2nd floor", " Lobby 2nd floor "])
    t.match(lab.do({ type: "show-ap-image", ap }), { aps: [{ mac: mac(1) }] }, ap);
  lab.join({ number: 2, name: "Lobby_2nd_floor" });
  t.equal(lab.code({ type: "ap-reset", ap: "Lobby 2nd floor" }), "ambiguous-ap");
});
