import { type GroupSetting, groupSettingList, settingAt } from "../../core/controller/operator/group-settings.js";
import type { GroupView, ModelView, RunView, TransferView } from "../../core/controller/operator/views.js";
import { activationLines } from "./activation.js";
import { columns, dashes, lines } from "./columns.js";

const apWidths = [17, 20, 14, 14];
const apHeader = ["AP Ethernet MAC", "Name", "Status", "Mode"];
const primaryWidths = [17, 20, 14, 6];

/** Two blanks after the MAC address, one after each other column. */
const macRow = (widths: readonly number[], [mac, ...cells]: readonly string[]): string =>
  `${(mac as string).padEnd(widths[0] as number)}  ${columns(widths.slice(1), cells)}`.trimEnd();
const apRow = (cells: readonly string[]): string => macRow(apWidths, cells);
const primaryRow = (cells: readonly string[]): string => macRow(primaryWidths, cells);

/** `Efficient AP Image Upgrade ..... Enabled`: the value begins in column 33. */
const setting = (label: string, value: string): string => `${`${label} `.padEnd(32, ".")} ${value}`;
const onOff = (on: boolean): string => (on ? "Enabled" : "Disabled");
const yesNo = (yes: boolean): string => (yes ? "yes" : "no");

/**
 * `show flexconnect group detail`: the vendor's lines in the vendor's order; flexup's own follow the lines that they belong to.
 * An AP that joins outside a run is not upgraded by its joining, so the vendor's second switch is always off.
 */
export function groupDetailText(group: GroupView): string {
  const [predownload, ...others] = settingLines(group);
  return lines(
    ...apLines(group),
    "",
    predownload as string,
    setting("Efficient AP Image Join", "Disabled"),
    ...others,
    "",
    primaryRow(["Master-AP-Mac", "Master-AP-Name", "Model", "Manual"]),
    ...group.models.flatMap(primaryLine),
    ...group.models.flatMap(({ warning }) => (warning === null ? [] : [`Warning: ${warning}`])),
    ...forcedLines(group),
    ...(group.run === null ? [] : runLines(group.run, group.models)),
    ...transferLines(group.transfers),
    ...activationLines(group),
    "",
    "Group Radius Servers Settings:",
    "Type           Server Address    Port",
    "-------------  ----------------  -------",
    "Primary         Unconfigured      Unconfigured",
    "Secondary       Unconfigured      Unconfigured",
  );
}

/** Settings with the same label share a line. */
function settingLines(group: GroupView): string[] {
  const lines = new Map<string, string>();
  for (const { setting: row, path } of groupSettingList) {
    const value = settingText(row, settingAt(group, path));
    const shared = lines.get(row.label);
    lines.set(row.label, shared === undefined ? value : `${shared}${row.kind === "number" ? "-" : ", "}${value}`);
  }
  return [...lines].map(([label, text]) => setting(label, text));
}

function settingText(row: GroupSetting, value: unknown): string {
  if (row.kind === "switch") return onOff(value as boolean);
  if (row.kind === "bound") return value === null ? "none" : `${value} ${row.unit}`;
  return String(value);
}

/** `show flexconnect group NAME aps`: the first block alone. */
export const groupApsText = (group: GroupView): string => lines(...apLines(group));

function apLines(group: GroupView): string[] {
  return [
    `Number of AP's in Group: ${group.aps.length}`,
    "",
    apRow(apHeader),
    `${"-".repeat(17)}  ${dashes(apWidths.slice(1))}`,
    ...group.aps.map(({ mac, name, status }) => apRow([mac, name ?? "Unknown", status, "Flexconnect"])),
  ];
}

const primaryLine = ({ primary, manual }: ModelView): string[] =>
  primary === null ? [] : [primaryRow([primary.mac, primary.name, primary.model, yesNo(manual)])];

function forcedLines({ aps }: GroupView): string[] {
  const forced = aps.filter(({ forcedSubordinate }) => forcedSubordinate);
  if (forced.length === 0) return [];
  return ["", "Slave-AP-Mac       Slave-AP-Name", ...forced.map(({ mac, name }) => `${mac.padEnd(17)}  ${name ?? "Unknown"}`)];
}

function runLines(run: RunView, models: readonly ModelView[]): string[] {
  const counts = Object.entries(run.counts)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${status} ${count}`);
  const time = (at: number | null): string => (at === null ? "-" : new Date(at).toISOString());
  const widths = [12, 10, 14, 14, 14, 9];
  return [
    "",
    setting("Upgrade Run", `${run.id} ${run.state}, ${run.release} image`),
    setting("Started", time(run.startedAt)),
    setting("Finished", time(run.finishedAt)),
    setting("APs by Status", counts.length === 0 ? "none" : counts.join(", ")),
    ...run.waits.map((line) => setting("Waiting", line)),
    ...run.stepsDown.map((line) => setting("Stepped Down", line)),
    setting("WAN Bytes", `${run.wanBytes} (${run.wanWireBytes} on the wire), ${run.wanBytesSaved} saved`),
    "",
    columns(widths, ["Family", "WAN Copies", "WAN Bytes", "On the Wire", "LAN Bytes", "Sessions"]),
    dashes(widths),
    ...models.map((model) =>
      columns(widths, [
        model.family,
        String(model.wanCopies),
        String(model.wanBytes),
        String(model.wanWireBytes),
        String(model.lanBytes),
        `${model.sessions} of ${model.sessionsMax} (peak ${model.sessionsPeak})`,
      ]).trimEnd(),
    ),
  ];
}

const transferWidths = [20, 4, 10, 14, 14, 9];

/** What moves now, with its rate and the time that is left. */
function transferLines(transfers: readonly TransferView[]): string[] {
  if (transfers.length === 0) return [];
  const unknown = (value: number | null, text: (known: number) => string): string => (value === null ? "-" : text(value));
  return [
    "",
    columns(transferWidths, ["Fetching Now", "From", "Done", "Bytes", "Bytes/s", "Time Left"]),
    dashes(transferWidths),
    ...transfers.map(({ name, path, bytesDone, bytesTotal, bytesPerSecond, secondsLeft }) =>
      columns(transferWidths, [
        name,
        path.toUpperCase(),
        `${Math.floor((bytesDone / Math.max(1, bytesTotal)) * 100)} %`,
        String(bytesDone),
        unknown(bytesPerSecond, String),
        unknown(secondsLeft, (seconds) => `${seconds} s`),
      ]).trimEnd(),
    ),
  ];
}
