/** Ten minutes of Run of a WTP of another maker, before and after a restart of the controller. */
import t from "tap";
import { playOpenCapwap } from "../support/opencapwap-run.js";
import { openCapwapTimers } from "../support/opencapwap-wtp.js";

const tenMinutesMs = 600_000;

t.test(
  "a WTP that behaves like openCAPWAP's, for ten minutes",
  { skip: process.env["FLEXUP_LONG"] !== "1" && "npm run test:long", timeout: 3 * tenMinutesMs },
  async (t) => {
    // The controller of these tests expects an Echo each two seconds.
    await playOpenCapwap(t, tenMinutesMs, { ...openCapwapTimers, echo: 2_000 });
  },
);
