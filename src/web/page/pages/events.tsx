import type { LoggedEvent } from "../../../admin/live.js";
import { eventText } from "../state/event-text.js";
import { instantText } from "../state/format.js";
import { controllerNow, useLive } from "../state/live.js";
import { apName } from "../ui/event-list.js";
import { Status, type StatusTone } from "../ui/status.js";
import { type Column, Table } from "../ui/table.js";

const tones: Readonly<Record<string, StatusTone>> = { info: "idle", good: "good", warning: "waiting", bad: "bad" };

const columns: readonly Column<LoggedEvent>[] = [
  {
    title: "Time",
    cell: ({ at }) => <time dateTime={new Date(at).toISOString()}>{instantText(at, controllerNow())}</time>,
    sortBy: ({ at }) => at,
  },
  {
    title: "Kind",
    cell: ({ event }) => <Status tone={tones[eventText(event, apName).tone] ?? "idle"}>{event.type}</Status>,
    sortBy: ({ event }) => event.type,
  },
  { title: "What happened", cell: ({ event }) => eventText(event, apName).text, wraps: true },
];

export function EventsPage() {
  const events = useLive((state) => state.events);
  return (
    <>
      <p class="path">Monitor</p>
      <h1>Events</h1>
      <Table
        caption="Events, newest first"
        captionHidden
        columns={columns}
        rows={events.toReversed()}
        rowKey={({ at, event }) => `${at} ${JSON.stringify(event)}`}
        searchText={({ event }) => `${event.type} ${eventText(event, apName).text}`}
        empty="Nothing has happened since the controller started."
      />
    </>
  );
}
