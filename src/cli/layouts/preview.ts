import type { DistributionForecast, GroupPreview, ModelPreview } from "../../core/controller/operator/views.js";
import { columns, dashes, dotted, lines } from "./columns.js";

const widths = [12, 14, 18, 6, 6, 12, 8];
const forecastWidths = [12, 12, 8, 14, 10];
const labelWidth = 33;

/** `show flexconnect group NAME preview RELEASE`, flexup's own: what a start would do. */
export function previewText(preview: GroupPreview): string {
  const { group, release, wanBytes, wanBytesWithoutFeature, expectedSeconds, link, models, skipped, objection } = preview;
  return lines(
    dotted("Group", group, labelWidth),
    dotted("Image", release, labelWidth),
    dotted("WAN Bytes", `${Math.round(wanBytes)} instead of ${wanBytesWithoutFeature}`, labelWidth),
    dotted("Expected Time", expectedSeconds === null ? "no AP would fetch anything" : `${expectedSeconds} s to the last AP`, labelWidth),
    dotted("With a WAN Link of", `${link.wanBytesPerSecond} bytes/s`, labelWidth),
    ...wanRateLines(preview),
    dotted("With a LAN Transfer at", `${link.lanBytesPerSecond} bytes/s`, labelWidth),
    "",
    columns(widths, ["Family", "Version", "Master-AP-Name", "By LAN", "Has It", "WAN Bytes", "Fallback"]),
    dashes(widths),
    ...models.map(row),
    "",
    columns(forecastWidths, ["Distribution", "Time", "Fallback", "WAN Bytes", "Limited By"]),
    dashes(forecastWidths),
    ...preview.distributions.map(forecastRow),
    ...models.flatMap(({ warnings }) => warnings.map((warning) => `Warning: ${warning}`)),
    ...skipped.map(withoutText),
    ...(objection === null ? [] : ["", `Would be refused: ${objection.message} (${objection.code})`]),
  );
}

const wanRateLines = ({ wanRate: { bytesPerSecond, boundBy } }: GroupPreview): string[] =>
  boundBy === "link" ? [] : [dotted("WAN Rate of the Forecast", `${bytesPerSecond} bytes/s, the limit of the ${boundBy}`, labelWidth)];

/** An AP that takes no part. */
export const withoutText = ({ mac, name, reason }: GroupPreview["skipped"][number]): string => `Without ${name ?? mac}: ${reason}`;

const row = ({ family, image, primary, subordinates, expectedFallbacks, alreadyHolding, wanBytes }: ModelPreview): string =>
  columns(widths, [
    family,
    image?.version ?? "none",
    primary?.name ?? "none",
    String(subordinates),
    String(alreadyHolding),
    String(Math.round(wanBytes)),
    String(Math.round(expectedFallbacks)),
  ]).trimEnd();

const forecastRow = ({ distribution, expectedSeconds, expectedFallbacks, wanBytes, limitedBy }: DistributionForecast): string =>
  columns(forecastWidths, [
    distribution,
    expectedSeconds === null ? "none" : `${expectedSeconds} s`,
    String(expectedFallbacks),
    String(Math.round(wanBytes)),
    limitedBy ?? "-",
  ]).trimEnd();
