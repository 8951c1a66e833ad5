/** Faults on real processes, round by round. `FLEXUP_SEED` moves the start, `FLEXUP_ROUNDS` sets how many. */
import t from "tap";
import { playCampaign } from "../support/campaign/campaign.js";

const seed = Number(process.env["FLEXUP_SEED"] ?? 1);
const rounds = Number(process.env["FLEXUP_ROUNDS"] ?? 100);

t.test(
  `${rounds} rounds from FLEXUP_SEED=${seed}`,
  { skip: process.env["FLEXUP_LONG"] !== "1" && "npm run test:long", timeout: 7_200_000 },
  (t) => playCampaign(t, seed, rounds),
);
