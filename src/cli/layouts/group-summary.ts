import type { GroupSummaryRow } from "../../core/controller/operator/views.js";
import { lines } from "./columns.js";

/** Wider than the dashes above it, as public captures show. */
const nameWidth = 34;

/** `show flexconnect group summary`. */
export const groupSummaryText = (groups: readonly GroupSummaryRow[]): string =>
  lines(
    `FlexConnect Group Summary: Count: ${groups.length}`,
    "Group Name            # Aps",
    "--------------------  --------",
    "",
    ...groups.map(({ name, apCount }) => `${name.padEnd(nameWidth - 1)} ${apCount}`),
  );
