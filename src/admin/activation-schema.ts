/** The shapes of activations in the admin API. */
import { z } from "zod";
import type { ActivationApPhase, BatchRule } from "../core/controller/activation/activation.js";
import type { ActivationState } from "../core/controller/activation/activation-state.js";
import type { ActivationCounts, ActivationPreview, ActivationReport, ActivationView } from "../core/controller/operator/views.js";
import { limits } from "../core/upgrade/limits.js";
import { failureBody, instant, macText, wholeNumber } from "./schema-parts.js";

const { pauseSeconds, failures, canaryAps, phases } = limits.activation;
const percent = z.number().gt(0).max(100);
const failuresMax = z.int().min(failures.min).max(failures.max);
const sequence = z.enum(["name", "random"]);

const batchRule = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("count"), aps: z.int().min(1) }).describe("APs in a batch"),
  z.strictObject({ kind: z.literal("percent"), percent }).describe("Share of all APs in a batch"),
  z
    .strictObject({ kind: z.literal("phases"), phases: z.array(z.strictObject({ percent, failuresMax })).min(1).max(phases) })
    .describe("How far each phase reaches, in per cent of all APs, and how many of its APs may fail"),
]) satisfies z.ZodType<BatchRule>;

/** The fields of an activation order; those left out have the defaults that the preview shows. */
export const activationRequest = {
  batch: batchRule.optional(),
  pauseSeconds: z.number().min(pauseSeconds.min).max(pauseSeconds.max).optional().describe("Between two batches"),
  failuresMax: failuresMax.optional().describe("Failures in all before the activation stops"),
  order: sequence.optional().describe("Primaries come last in either"),
  canary: z.array(z.string().min(1).max(512)).max(canaryAps).optional().describe("APs that go first; the others wait for a resume"),
  force: z.boolean().optional().describe("Also to an older version"),
};

const state = z.discriminatedUnion("phase", [
  z.object({ phase: z.literal("scheduled"), at: instant }),
  z.object({ phase: z.literal("batch"), batch: wholeNumber, sequel: z.enum(["continue", "pause", "abort"]) }),
  z.object({ phase: z.literal("between"), batch: wholeNumber.describe("The next one"), until: instant }),
  z.object({ phase: z.literal("held"), batch: wholeNumber.describe("The next one"), after: z.enum(["canary", "pause"]) }),
  z.object({
    phase: z.literal("ended"),
    at: instant,
    outcome: z.enum(["complete", "partial", "stopped", "aborted"]),
    reason: z.string(),
  }),
]) satisfies z.ZodType<ActivationState>;

const options = z.object({
  at: instant.nullable(),
  batch: batchRule,
  pauseSeconds: z.number(),
  failuresMax: wholeNumber,
  order: sequence,
  canary: z.array(macText),
  force: z.boolean(),
}) satisfies z.ZodType<ActivationView["options"]>;

const counts = z.object({
  waiting: wholeNumber,
  underWay: wholeNumber,
  active: wholeNumber,
  failed: wholeNumber,
  skipped: wholeNumber,
}) satisfies z.ZodType<ActivationCounts>;

export const activationSchema = z.object({
  id: wholeNumber,
  group: z.string(),
  state,
  options,
  orderedAt: instant,
  startedAt: instant.nullable(),
  counts,
  batches: z.array(z.object({ canary: z.boolean(), failuresMax: wholeNumber.nullable(), counts })),
}) satisfies z.ZodType<ActivationView>;

const apPhases = ["waiting", "swapping", "resetting", "booting", "settling", "active", "failed", "skipped"] as const;

export const activationReportSchema = activationSchema.extend({
  aps: z.array(
    z.object({
      mac: macText,
      name: z.string().nullable(),
      batch: wholeNumber.nullable(),
      version: z.string().nullable(),
      phase: z.enum(apPhases) satisfies z.ZodType<ActivationApPhase>,
      reason: z.string().nullable(),
    }),
  ),
}) satisfies z.ZodType<ActivationReport>;

export const activationPreviewSchema = z.object({
  group: z.string(),
  objection: failureBody.nullable().describe("Why it would be refused now"),
  batches: z.array(
    z.object({
      canary: z.boolean(),
      failuresMax: wholeNumber.nullable(),
      startsAfterSeconds: z.number().min(0),
      aps: z.array(
        z.object({ mac: macText, name: z.string(), model: z.string(), from: z.string(), version: z.string(), primary: z.boolean() }),
      ),
    }),
  ),
  skipped: z.array(z.object({ mac: macText, name: z.string().nullable(), reason: z.string() })),
  expectedSeconds: z.number().min(0).nullable(),
  assumedRebootSeconds: z.number(),
}) satisfies z.ZodType<ActivationPreview>;
