/** Commands about the activation of a group's image. */
import type { ActivationRequest } from "../../core/controller/operator/orders.js";
import type { ActivationView } from "../../core/controller/operator/views.js";
import { type Command, command, type ValuesOf } from "../command.js";
import { activationPreviewText, activationStateText } from "../layouts/activation.js";

const activate = "config flexconnect group <group> activate";
const options = "[batch <batch>] [pause <pause-seconds>] [max-failures <failures>] [order <sequence>] [canary <aps>] [force]";

function requestOf({ batch, "pause-seconds": pauseSeconds, failures, sequence, aps, force }: ValuesOf<typeof options>): ActivationRequest {
  return {
    ...(batch && { batch }),
    ...(pauseSeconds !== undefined && { pauseSeconds }),
    ...(failures !== undefined && { failuresMax: failures }),
    ...(sequence && { order: sequence }),
    ...(aps && { canary: aps }),
    ...(force && { force }),
  };
}

const startedText = (view: ActivationView): string => `Activation of group ${view.group} is ${activationStateText(view)}\n`;

export const activationCommands: readonly Command[] = [
  command(`${activate} [now] ${options}`, {
    help: "boot the image of the last upgrade, batch by batch; force: also to an older version",
    order: ({ group, ...values }) => ({ type: "group-activate", group, ...requestOf(values) }),
    text: (view) => startedText(view),
  }),
  command(`${activate} at <time> ${options}`, {
    help: "the same at a time",
    order: ({ group, time, ...values }) => ({ type: "group-activate", group, at: time, ...requestOf(values) }),
    text: (view) => startedText(view),
  }),
  command(`${activate} preview ${options}`, {
    help: "which AP would boot what and when",
    order: ({ group, ...values }) => ({ type: "group-activation-preview", group, ...requestOf(values) }),
    text: (preview) => activationPreviewText(preview),
  }),
  command(`${activate} pause`, {
    help: "open no further batch until it is resumed",
    order: ({ group }) => ({ type: "group-activation-pause", group }),
    text: (view) => startedText(view),
  }),
  command(`${activate} resume`, {
    help: "open the next batch, after a pause or the canary",
    order: ({ group }) => ({ type: "group-activation-resume", group }),
    text: (view) => startedText(view),
  }),
  command(`${activate} abort`, {
    help: "finish the batch in progress and open no other",
    order: ({ group }) => ({ type: "group-activation-abort", group }),
    text: (view) => startedText(view),
  }),
];
