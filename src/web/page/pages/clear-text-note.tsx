import { order } from "../state/api.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { Note } from "../ui/note.js";

/** On every page of a controller that speaks without DTLS. */
export function ClearTextNote() {
  const connection = useLive((state) => state.connection);
  const link = useResource(() => order({ type: "show-system" }), [connection]).value?.link;
  if (link !== "clear") return null;
  return (
    <Note tone="warning">
      Access points are commanded in clear text: anyone on the path can command them. Start the controller with DTLS.
    </Note>
  );
}
