import type { PeerView } from "../../../core/controller/operator/views.js";
import { order } from "../state/api.js";
import { instantText } from "../state/format.js";
import { controllerNow, useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { Note } from "../ui/note.js";

type Difference = PeerView["differences"][number];
const heldText = (held: Difference["here"]): string =>
  held === null ? "no image" : `${held.version} (SHA-256 ${held.sha256.slice(0, 12)}…)`;

/** How the peer controller's images compare with this one's; nothing without a peer. */
export function PeerNote() {
  const told = useLive((state) => state.events).findLast(({ event }) => event.type === "peer-images")?.at;
  const catalogue = useLive((state) => state.catalogue);
  const peer = useResource(() => order({ type: "show-peer" }), [told, catalogue]).value?.peer ?? null;
  if (peer === null) return null;
  const { name, verdict, heardAt, unreachableSince, trouble, onMismatch, differences } = peer;
  const asOf = heardAt === null ? "" : `, as of ${instantText(heardAt, controllerNow())}`;
  const silence = unreachableSince === null ? "" : ` It does not answer: ${trouble}`;
  if (verdict !== "differs")
    return (
      <Note tone={unreachableSince !== null ? "warning" : verdict === "same" ? "good" : "info"}>
        Peer controller {name} {verdict === "same" ? `holds the same images${asOf}.` : "has not reported its images yet."}
        {silence}
      </Note>
    );
  return (
    <Note tone="warning">
      Peer controller {name} holds other images{asOf}.{silence}
      <ul>
        {differences.map((difference) => (
          <li key={`${difference.release} ${difference.model}`}>
            {difference.release} {difference.model}: here {heldText(difference.here)}, there {heldText(difference.there)}
          </li>
        ))}
      </ul>
      {onMismatch === "refuse" &&
        "Upload what is missing on either side: until both are the same, an upgrade starts only if you override the check."}
    </Note>
  );
}
