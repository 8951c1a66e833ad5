/** A few quick rounds of the fault campaign (test/long/fault-campaign.test.ts). */
import t from "tap";
import { playCampaign } from "../support/campaign/campaign.js";

t.test("faults in the middle of runs break no rule", { timeout: 600_000 }, (t) => playCampaign(t, 9, 4));
