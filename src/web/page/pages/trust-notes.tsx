import { order } from "../state/api.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { Note } from "../ui/note.js";

/** On every page: protections that this controller runs without. */
export function TrustNotes() {
  const connection = useLive((state) => state.connection);
  const system = useResource(() => order({ type: "show-system" }), [connection]).value;
  return (
    <>
      {system?.link === "clear" && (
        <Note tone="warning">
          Access points are commanded in clear text: anyone on the path can command them. Start the controller with DTLS.
        </Note>
      )}
      {system?.signatures === "unverified" && (
        <Note tone="warning">Images are unsigned: this controller accepts any file. Start it with --trust-root.</Note>
      )}
    </>
  );
}
