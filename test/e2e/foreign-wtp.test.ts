/** A WTP of another maker in Run, through a restart of the controller; ten minutes of it in `test/long`. */
import t from "tap";
import { playOpenCapwap } from "../support/opencapwap-run.js";

const second = { retransmit: 200, echo: 1_000, keepAlive: 500, dataDead: 1_500, statistics: 1_000 };

t.test("a WTP that behaves like openCAPWAP's stays in Run, and comes back after a restart", async (t) => {
  await playOpenCapwap(t, 6_000, second);
});
