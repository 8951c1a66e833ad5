import type { ActResult } from "../../core/controller/operator/order-results.js";
import { type Command, command } from "../command.js";
import { actText } from "../layouts/acts.js";

const someRefused = ({ refused }: ActResult): boolean => refused.length > 0;
const aps = (count: number): string => (count === 1 ? "1 AP" : `${count} APs`);

const groupCommands: readonly Command[] = [
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
  command("config flexconnect group <group> predownload enable", {
    help: "switch FlexConnect AP upgrade on",
    order: ({ group }) => ({ type: "group-predownload", group, enabled: true }),
  }),
  command("config flexconnect group <group> predownload disable", {
    help: "switch FlexConnect AP upgrade off",
    order: ({ group }) => ({ type: "group-predownload", group, enabled: false }),
  }),
  command("config flexconnect group <group> predownload master|primary <ap> [delete]", {
    help: "make an AP the primary of its model, or return to the automatic choice",
    order: ({ group, ap, delete: remove }) => ({ type: remove ? "group-primary-remove" : "group-primary-add", group, ap }),
  }),
  command("config flexconnect group <group> predownload slave|subordinate ap-name <ap> [delete]", {
    help: "force an AP to be a subordinate, or let it be elected again",
    order: ({ group, ap, delete: remove }) => ({ type: remove ? "group-subordinate-remove" : "group-subordinate-add", group, ap }),
  }),
  command("config flexconnect group <group> predownload slave|subordinate retry-count <retry-count>", {
    help: "tries at the primary before the WAN",
    order: ({ group, "retry-count": retryCount }) => ({ type: "group-retry-count", group, retryCount }),
  }),
  command("config flexconnect group <group> predownload slave|subordinate backoff <min-seconds> <max-seconds>", {
    help: "range of the random back-off",
    order: ({ group, "min-seconds": minSeconds, "max-seconds": maxSeconds }) => ({ type: "group-backoff", group, minSeconds, maxSeconds }),
  }),
  command("config flexconnect group <group> predownload wave2-refetch enable", {
    help: "a Wave 2 primary fetches an image that it already holds",
    order: ({ group }) => ({ type: "group-wave2-refetch", group, enabled: true }),
  }),
  command("config flexconnect group <group> predownload wave2-refetch disable", {
    help: "a Wave 2 primary serves an image that it already holds",
    order: ({ group }) => ({ type: "group-wave2-refetch", group, enabled: false }),
  }),
  command("config flexconnect group <group> predownload start <release> [force]", {
    help: "start the upgrade of a group; force: also while the peer controller holds other images",
    order: ({ group, release, force }) => ({ type: "group-start", group, release, ...(force && { force }) }),
    text: ({ runId }, { group }) => `Run ${runId} started for group ${group}\n`,
  }),
  command("config flexconnect group <group> predownload start abort", {
    help: "abort the upgrade of a group",
    order: ({ group }) => ({ type: "group-abort", group }),
    text: ({ runId }, { group }) => `Run ${runId} of group ${group} aborted\n`,
  }),
];

const wan = "config flexconnect group <group> predownload wan";
const wanCommands: readonly Command[] = [
  command(`${wan} fallback <fallback>`, {
    help: "what an AP gets whose tries are exhausted",
    order: ({ group, fallback }) => ({ type: "group-wan", group, wan: { fallback } }),
  }),
  command(`${wan} transfers <transfers>`, {
    help: "WAN transfers of the group at one moment",
    order: ({ group, transfers }) => ({ type: "group-wan", group, wan: { transfersMax: transfers } }),
  }),
  command(`${wan} rate <bytes-per-second>`, {
    help: "bytes per second of all WAN transfers of the group",
    order: ({ group, "bytes-per-second": bytesPerSecondMax }) => ({ type: "group-wan", group, wan: { bytesPerSecondMax } }),
  }),
  command(`${wan} fallback-aps <ap-count>`, {
    help: "most APs that fall back in one run",
    order: ({ group, "ap-count": fallbackApsMax }) => ({ type: "group-wan", group, wan: { fallbackApsMax } }),
  }),
  command(`${wan} fallback-bytes <bytes>`, {
    help: "most bytes that fallbacks take in one run",
    order: ({ group, bytes: fallbackBytesMax }) => ({ type: "group-wan", group, wan: { fallbackBytesMax } }),
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
  command("config ap image swap <ap-or-all>", {
    help: "exchange primary and backup image",
    order: ({ "ap-or-all": ap }) => ({ type: "ap-swap", ap }),
    text: (result) => actText("Swapped", result),
    partial: (result) => someRefused(result),
  }),
  command("config ap reset <ap-or-all>", {
    help: "reset one AP or all",
    order: ({ "ap-or-all": ap }) => ({ type: "ap-reset", ap }),
    text: (result) => actText("Resetting", result),
    partial: (result) => someRefused(result),
  }),
];

export const configCommands: readonly Command[] = [...groupCommands, ...wanCommands, ...apCommands];
