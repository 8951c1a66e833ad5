/** Activations in text: before they start, while they are in progress, and the lines of `group detail`. */
import { stateWords } from "../../core/controller/activation/activation-state.js";
import type {
  ActivationCounts,
  ActivationPreview,
  ActivationReport,
  ActivationView,
  GroupView,
} from "../../core/controller/operator/views.js";
import { quotedIfNeeded } from "../words.js";
import { columns, dashes, dotted, lines } from "./columns.js";

const labelWidth = 33;
const time = (at: number | null): string => (at === null ? "-" : new Date(at).toISOString());

/** `in batch 2 of 5`. */
export function activationStateText({ state, batches }: ActivationView): string {
  const words = stateWords(state);
  if (state.phase === "scheduled") return `${words} for ${time(state.at)}`;
  return state.phase === "batch" || state.phase === "between" ? `${words} of ${batches.length}` : words;
}

function countsText({ waiting, underWay, active, failed, skipped }: ActivationCounts): string {
  const parts = [
    [active, "active"],
    [underWay, "under way"],
    [waiting, "waiting"],
    [failed, "failed"],
    [skipped, "skipped"],
  ] as const;
  const named = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return named.length === 0 ? "no AP" : named.join(", ");
}

/** The last lines of `show flexconnect group detail`: the activation, and what comes after a run. */
export function activationLines({ name, activation, readyToActivate }: GroupView): string[] {
  const latest =
    activation === null ? [] : [dotted("Activation", `${activationStateText(activation)}; ${countsText(activation.counts)}`, labelWidth)];
  const hold = readyToActivate === 1 ? "1 AP holds an image that it does" : `${readyToActivate} APs hold an image that they do`;
  const next =
    readyToActivate === 0
      ? []
      : [dotted("Next Step", `${hold} not run: config flexconnect group ${quotedIfNeeded(name)} activate`, labelWidth)];
  return latest.length + next.length === 0 ? [] : ["", ...latest, ...next];
}

const previewWidths = [5, 20, 18, 14, 14, 10];

/** `config flexconnect group NAME activate preview`. */
export function activationPreviewText(preview: ActivationPreview): string {
  const { group, batches, skipped, expectedSeconds, assumedRebootSeconds, objection } = preview;
  const rows = batches.flatMap(({ canary, startsAfterSeconds, aps }, index) =>
    aps.map(({ name, model, from, version, primary }) =>
      columns(previewWidths, [
        String(index + 1),
        `${name}${canary ? " (canary)" : primary ? " (primary)" : ""}`,
        model,
        from,
        version,
        `+${Math.round(startsAfterSeconds)} s`,
      ]).trimEnd(),
    ),
  );
  const expected =
    expectedSeconds === null
      ? "no AP would be activated"
      : `${Math.ceil(expectedSeconds)} s, with ${assumedRebootSeconds} s for each reboot`;
  return lines(
    dotted("Group", group, labelWidth),
    dotted("Batches", String(batches.length), labelWidth),
    dotted("Expected Time", expected, labelWidth),
    "",
    columns(previewWidths, ["Batch", "AP-Name", "Model", "Runs", "Boots", "After"]).trimEnd(),
    dashes(previewWidths),
    ...rows,
    ...skipped.map(({ mac, name, reason }) => `Without ${name ?? mac}: ${reason}`),
    ...(objection === null ? [] : ["", `Would be refused: ${objection.message} (${objection.code})`]),
  );
}

const apWidths = [5, 20, 14, 10];

/** `show flexconnect group activation NAME`. */
export function activationText(report: ActivationReport): string {
  const { group, options, startedAt, counts, batches, aps } = report;
  return lines(
    dotted("Group", group, labelWidth),
    dotted("Activation", activationStateText(report), labelWidth),
    dotted("Started", time(startedAt), labelWidth),
    dotted("APs", countsText(counts), labelWidth),
    dotted("Failures Allowed", options.batch.kind === "phases" ? "by phase" : String(options.failuresMax), labelWidth),
    dotted("Pause Between Batches", `${options.pauseSeconds} s`, labelWidth),
    ...batches.map((batch, index) => dotted(`Batch ${index + 1}${batch.canary ? " (canary)" : ""}`, countsText(batch.counts), labelWidth)),
    "",
    columns(apWidths, ["Batch", "AP-Name", "Boots", "State"]).trimEnd(),
    dashes(apWidths),
    ...aps.map(({ mac, name, batch, version, phase, reason }) =>
      columns(apWidths, [
        batch === null ? "-" : String(batch + 1),
        name ?? mac,
        version ?? "-",
        reason === null ? phase : `${phase}: ${reason}`,
      ]).trimEnd(),
    ),
  );
}
