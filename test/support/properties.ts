/**
 * fast-check with the same cases in every run: what fails on one machine fails on every other, and a rare fault does not come up where
 * nobody looks for it. `npm run test:long` draws new ones, and FLEXUP_SEED those of a run that failed.
 */
import fc from "fast-check";

const { FLEXUP_LONG: long, FLEXUP_SEED: seed } = process.env;
if (seed !== undefined || long !== "1") fc.configureGlobal({ seed: Number(seed ?? 1) });

export default fc;
