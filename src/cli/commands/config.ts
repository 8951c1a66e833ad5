import { credentialFileText } from "../../core/controller/operator/credential-file.js";
import type { ActResult } from "../../core/controller/operator/order-results.js";
import { type Command, command } from "../command.js";
import { actText } from "../layouts/acts.js";
import { lines } from "../layouts/columns.js";
import { withoutText } from "../layouts/preview.js";
import { activationCommands } from "./activation.js";
import { groupSettingCommands } from "./group-settings.js";

const someRefused = ({ refused }: ActResult): boolean => refused.length > 0;
const aps = (count: number): string => (count === 1 ? "1 AP" : `${count} APs`);

const membershipCommands: readonly Command[] = [
  command("config flexconnect group <group> add", { help: "add a group", order: ({ group }) => ({ type: "group-add", group }) }),
  command("config flexconnect group <group> delete", { help: "delete a group", order: ({ group }) => ({ type: "group-delete", group }) }),
  command("config flexconnect group <group> ap add <mac>", {
    help: "add an AP to a group",
    order: ({ group, mac }) => ({ type: "group-ap-add", group, mac }),
  }),
  command("config flexconnect group <group> ap delete <mac>", {
    help: "take an AP out of a group",
    order: ({ group, mac }) => ({ type: "group-ap-delete", group, mac }),
  }),
];

const upgradeCommands: readonly Command[] = [
  command("config flexconnect group <group> predownload master|primary <ap> [delete]", {
    help: "make an AP the primary of its model, or return to the automatic choice",
    order: ({ group, ap, delete: remove }) => ({ type: remove ? "group-primary-remove" : "group-primary-add", group, ap }),
  }),
  command("config flexconnect group <group> predownload slave|subordinate ap-name <ap> [delete]", {
    help: "force an AP to be a subordinate, or let it be elected again",
    order: ({ group, ap, delete: remove }) => ({ type: remove ? "group-subordinate-remove" : "group-subordinate-add", group, ap }),
  }),
  command("config flexconnect group <group> predownload start <release> [force]", {
    help: "start the upgrade of a group; force: also while the peer controller holds other images",
    order: ({ group, release, force }) => ({ type: "group-start", group, release, ...(force && { force }) }),
    text: ({ runId, leftOut }, { group }) => lines(`Run ${runId} started for group ${group}`, ...leftOut.map(withoutText)),
  }),
  command("config flexconnect group <group> predownload start abort", {
    help: "abort the upgrade of a group",
    order: ({ group }) => ({ type: "group-abort", group }),
    text: ({ runId }, { group }) => `Run ${runId} of group ${group} aborted\n`,
  }),
];

const apCommands: readonly Command[] = [
  command("config ap image predownload <release> <ap-or-all> [force]", {
    help: "predownload an image to one AP or all; force: also while the peer controller holds other images",
    order: ({ release, "ap-or-all": ap, force }) => ({ type: "ap-predownload", ap, release, ...(force && { force }) }),
    text: ({ apCount }) => `Predownload started on ${aps(apCount)}\n`,
  }),
  command("config ap image predownload abort <ap-or-all>", {
    help: "abort the predownload of one AP or all",
    order: ({ "ap-or-all": ap }) => ({ type: "ap-predownload-abort", ap }),
    text: ({ apCount }) => `Predownload aborted on ${aps(apCount)}\n`,
  }),
  command("config ap image swap <ap-or-all> [force]", {
    help: "boot the image of the last upgrade next; force: exchange the images whatever they are",
    order: ({ "ap-or-all": ap, force }) => ({ type: "ap-swap", ap, ...(force && { force }) }),
    text: (result) => actText("Swapped", result),
    partial: (result) => someRefused(result),
  }),
  command("config ap credential add <mac>", {
    help: "make an AP's DTLS credential and print it, this once, as its file",
    order: ({ mac }) => ({ type: "credential-add", mac }),
    text: (made) => credentialFileText(made),
  }),
  command("config ap credential delete <mac>", {
    help: "revoke an AP's DTLS credential; its link ends",
    order: ({ mac }) => ({ type: "credential-delete", mac }),
  }),
  command("config ap reset <ap-or-all>", {
    help: "reset one AP or all",
    order: ({ "ap-or-all": ap }) => ({ type: "ap-reset", ap }),
    text: (result) => actText("Resetting", result),
    partial: (result) => someRefused(result),
  }),
  command("config ap forget <ap>", { help: "forget an AP that is gone for good", order: ({ ap }) => ({ type: "ap-forget", ap }) }),
];

export const configCommands: readonly Command[] = [
  ...membershipCommands,
  ...groupSettingCommands,
  ...upgradeCommands,
  ...activationCommands,
  ...apCommands,
];
