/** Values that many answers hold. */
import { z } from "zod";
import type { Failure } from "../base/failure.js";

export const instant = z.number().describe("Milliseconds since 1970-01-01T00:00:00Z");
export const macText = z.string().describe("MAC address, e.g. 00:0a:b8:3b:0b:c2");
export const wholeNumber = z.int().min(0);

/** Every answer that is not 2xx. */
export const failureBody = z.object({
  code: z.string().describe("Stable, kebab-case"),
  message: z.string().describe("One sentence for people"),
}) satisfies z.ZodType<Failure>;
