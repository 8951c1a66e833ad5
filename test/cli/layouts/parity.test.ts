import t from "tap";
import { parityText } from "../../../src/cli/layouts/parity.js";

const peer = {
  name: "https://wlc2:8443",
  onMismatch: "refuse",
  verdict: "same",
  heardAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  unreachableSince: null,
  trouble: null,
  differences: [],
} as const;

t.test("image parity", async (t) => {
  t.equal(parityText(null), "No peer controller is set; start this one with --peer URL to have their images compared\n");
  t.equal(parityText(peer), "Peer controller https://wlc2:8443 holds the same images, as of 2026-01-02 03:04:05\n");
  t.equal(
    parityText({
      ...peer,
      verdict: "differs",
      unreachableSince: Date.UTC(2026, 0, 2, 3, 5),
      trouble: "timed out",
      differences: [
        { release: "backup", family: "ap3g3", model: "AIR-AP2802I", here: null, there: { version: "9.0", sha256: "a".repeat(64) } },
      ],
    }),
    [
      "Peer controller https://wlc2:8443 holds other images, as of 2026-01-02 03:04:05",
      "It has not answered since 2026-01-02 03:05:00: timed out",
      "  backup AIR-AP2802I: none here, 9.0 there",
      'No upgrade starts without "force" until both are the same',
      "",
    ].join("\n"),
  );
});
