import type { BootView } from "../../core/controller/operator/views.js";
import { dotted, lines } from "./columns.js";

/** `show boot`: an empty release is the vendor's version of nothing. */
export const bootText = ({ primary, backup }: BootView): string =>
  lines(
    dotted("Primary Boot Image", `${primary ?? "0.0.0.0"} (default) (active)`, 49),
    dotted("Backup Boot Image", backup ?? "0.0.0.0", 49),
  );
