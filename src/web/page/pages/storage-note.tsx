import { order } from "../state/api.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { Note } from "../ui/note.js";

/** On every page while the controller cannot store: why what is asked there is refused. */
export function StorageNote() {
  const connection = useLive((state) => state.connection);
  const changedAt = useLive((state) => state.events).findLast(({ event }) => event.type === "storage")?.at;
  const storage = useResource(() => order({ type: "show-system" }), [changedAt, connection]).value?.storage;
  if (storage?.state !== "read-only") return null;
  return (
    <Note tone="bad">
      The controller cannot store anything ({storage.reason}): access points are served, changes are refused. Free space in its data folder.
    </Note>
  );
}
