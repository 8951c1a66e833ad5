import type { CredentialView } from "../../core/controller/operator/views.js";
import { columns, dashes, lines } from "./columns.js";

const widths = [17, 7, 19];

/** `show ap credential`, flexup's own. Times are UTC. */
export const credentialsText = (credentials: readonly CredentialView[]): string =>
  lines(
    columns(widths, ["AP", "State", "Since (UTC)"], "  "),
    dashes(widths, "  "),
    ...credentials.map(({ mac, state, since }) =>
      columns(widths, [mac, state, new Date(since).toISOString().slice(0, 19).replace("T", " ")], "  "),
    ),
  );
