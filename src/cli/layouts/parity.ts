import type { PeerView } from "../../core/controller/operator/views.js";
import { sidesText } from "../../core/controller/peer-parity.js";
import { lines } from "./columns.js";

const verdicts: Readonly<Record<PeerView["verdict"], string>> = {
  same: "holds the same images",
  differs: "holds other images",
  unknown: "has not reported its images yet",
};
const when = (instant: number): string => new Date(instant).toISOString().slice(0, 19).replace("T", " ");

/** `image parity`, flexup's own. Times are UTC. */
export function parityText(peer: PeerView | null): string {
  if (peer === null) return "No peer controller is set; start this one with --peer URL to have their images compared\n";
  const { name, verdict, heardAt, unreachableSince, trouble, differences, onMismatch } = peer;
  const asOf = heardAt === null ? "" : `, as of ${when(heardAt)}`;
  const silence = unreachableSince === null ? [] : [`It has not answered since ${when(unreachableSince)}: ${trouble}`];
  const rule = verdict === "differs" && onMismatch === "refuse" ? ['No upgrade starts without "force" until both are the same'] : [];
  return lines(
    `Peer controller ${name} ${verdicts[verdict]}${asOf}`,
    ...silence,
    ...differences.map((difference) => `  ${difference.release} ${difference.model}: ${sidesText(difference)}`),
    ...rule,
  );
}
