import { randomBytes } from "node:crypto";

/** A fresh 48-bit seed for a node's `Prng`. The daemon logs it, so that a run can be replayed. */
export const freshSeed = (): number => randomBytes(6).readUIntBE(0, 6);
