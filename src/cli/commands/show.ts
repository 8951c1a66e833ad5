import { type Command, command } from "../command.js";
import { activationText } from "../layouts/activation.js";
import { apImageText } from "../layouts/ap-image.js";
import { apPredownloadText } from "../layouts/ap-predownload.js";
import { apSecurityText, apStatusText, apSummaryText } from "../layouts/ap-summary.js";
import { bootText } from "../layouts/boot.js";
import { credentialsText } from "../layouts/credentials.js";
import { groupApsText, groupDetailText } from "../layouts/group-detail.js";
import { groupSummaryText } from "../layouts/group-summary.js";
import { previewText } from "../layouts/preview.js";
import { runsText } from "../layouts/runs.js";
import { systemText } from "../layouts/system.js";
import { quotedIfNeeded } from "../words.js";

const showGroup = ({ group }: { readonly group: string }) => ({ type: "show-group", group }) as const;

export const showCommands: readonly Command[] = [
  command("show ap image <ap-or-all>", {
    help: "images and predownload state of one AP or all",
    order: (values) => ({ type: "show-ap-image", ap: values["ap-or-all"] }),
    text: (view) => apImageText(view),
  }),
  command("show ap predownload <ap-or-all>", {
    help: "role, source and outcome of each AP's last upgrade",
    order: (values) => ({ type: "show-ap-image", ap: values["ap-or-all"] }),
    text: (view) => apPredownloadText(view),
  }),
  command("show ap summary", { help: "joined APs", order: () => ({ type: "show-ap-summary" }), text: apSummaryText }),
  command("show ap status", { help: "all APs: running image, last reset", order: () => ({ type: "show-ap-summary" }), text: apStatusText }),
  command("show ap security", {
    help: "how the control messages of joined APs travel",
    order: () => ({ type: "show-ap-summary" }),
    text: apSecurityText,
  }),
  command("show ap credential", {
    help: "APs that have a DTLS credential",
    order: () => ({ type: "credential-list" }),
    text: credentialsText,
  }),
  command("show flexconnect group summary", {
    help: "all FlexConnect groups",
    order: () => ({ type: "show-group-summary" }),
    text: groupSummaryText,
  }),
  command("show flexconnect group detail <group>", { help: "a group, its primaries and its run", order: showGroup, text: groupDetailText }),
  command("show flexconnect group <group>", { help: "the same", order: showGroup, text: groupDetailText }),
  command("show flexconnect group <group> aps", { help: "the APs of a group", order: showGroup, text: groupApsText }),
  command("show flexconnect group <group> preview <release>", {
    help: "what a start would do now: primaries, WAN bytes, time",
    order: ({ group, release }) => ({ type: "group-preview", group, release }),
    text: (preview) => previewText(preview),
  }),
  command("show flexconnect group activation <group>", {
    help: "the latest activation of a group, batch by batch",
    order: ({ group }) => ({ type: "show-activation", group }),
    text: (report) => activationText(report),
  }),
  command("show flexconnect group <group> reports", {
    help: "reports of the runs of a group",
    order: ({ group }) => ({ type: "show-runs", group }),
    text: (runs, { group }) => runsText(runs, `show flexconnect group ${quotedIfNeeded(group)} reports`),
  }),
  command("show flexconnect group <group> reports before <run>", {
    help: "reports of older runs of a group",
    order: ({ group, run }) => ({ type: "show-runs", group, before: run }),
    text: (runs, { group }) => runsText(runs, `show flexconnect group ${quotedIfNeeded(group)} reports`, "No older run\n"),
  }),
  command("show flexconnect reports", {
    help: "reports of the last runs",
    order: () => ({ type: "show-runs", group: null }),
    text: (runs) => runsText(runs, "show flexconnect reports"),
  }),
  command("show flexconnect reports before <run>", {
    help: "reports of older runs",
    order: ({ run }) => ({ type: "show-runs", group: null, before: run }),
    text: (runs) => runsText(runs, "show flexconnect reports", "No older run\n"),
  }),
  command("show sysinfo", {
    help: "version, whether the controller can store, its certificate",
    order: () => ({ type: "show-system" }),
    text: systemText,
  }),
  command("show boot", { help: "versions of the two releases", order: () => ({ type: "show-boot" }), text: bootText }),
];
