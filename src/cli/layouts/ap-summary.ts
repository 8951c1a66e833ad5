import { oneWord } from "../../base/one-word.js";
import type { ApSummaryRow } from "../../core/controller/operator/views.js";
import { columns, dashes, dotted, lines } from "./columns.js";

const widths = [18, 5, 20, 17, 16, 10, 15, 8, 14];
const gap = "  ";

/**
 * `show ap summary` of AireOS: the joined APs. Radios, location, country and clients are not this controller's business; their columns
 * hold what the vendor prints for "none", since the parsers in use insist on all nine.
 */
export function apSummaryText(aps: readonly ApSummaryRow[]): string {
  const joined = aps.filter(({ state }) => state === "Joined");
  return lines(
    "",
    dotted("Number of APs", joined.length, 49),
    "",
    dotted("Global AP User Name", "Not Configured", 49),
    dotted("Global AP Dot1x User Name", "Not Configured", 49),
    "",
    columns(
      widths,
      ["AP Name", "Slots", "AP Model", "Ethernet MAC", "Location", "Country", "IP Address", "Clients", "DSE Location"],
      gap,
    ).trimEnd(),
    dashes(widths, gap),
    ...joined.map((ap) =>
      columns(
        widths,
        [
          oneWord(ap.name),
          "0",
          oneWord(ap.model),
          ap.mac,
          "default location",
          "--",
          withoutZone(ap.address ?? "0.0.0.0"),
          "0",
          "[0 ,0 ,0 ]",
        ],
        gap,
      ).trimEnd(),
    ),
  );
}

/** An IPv6 address as parsers take it: digits and colons. */
const withoutZone = (address: string): string => address.split("%")[0] as string;

const statusWidths = [18, 17, 20, 10, 15, 24, 20];

/** `show ap status`, flexup's own: every AP that ever joined, with what it runs and how its last reset went. */
export function apStatusText(aps: readonly ApSummaryRow[]): string {
  return lines(
    "",
    dotted("Number of APs", aps.length, 49),
    dotted("Number of APs joined", aps.filter(({ state }) => state === "Joined").length, 49),
    "",
    columns(statusWidths, ["AP Name", "Ethernet MAC", "AP Model", "State", "Running Image", "Last Reset", "FlexConnect Group"]).trimEnd(),
    dashes(statusWidths),
    ...aps.map((ap) =>
      columns(statusWidths, [
        ap.name,
        ap.mac,
        ap.model,
        ap.state,
        ap.runningVersion,
        ap.reset === null ? "None" : `${ap.reset.version} ${ap.reset.state}`,
        ap.group ?? "",
      ]).trimEnd(),
    ),
  );
}

const securityWidths = [18, 17, 10, 10, 10];

/** `show ap security`, flexup's own. */
export const apSecurityText = (aps: readonly ApSummaryRow[]): string =>
  lines(
    columns(securityWidths, ["AP Name", "Ethernet MAC", "State", "Link", "Signature"]).trimEnd(),
    dashes(securityWidths),
    ...aps.map((ap) => columns(securityWidths, [ap.name, ap.mac, ap.state, ap.link ?? "", ap.signature ?? ""]).trimEnd()),
  );
