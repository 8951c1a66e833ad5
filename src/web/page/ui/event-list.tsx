import type { LoggedEvent } from "../../../admin/live.js";
import { eventText } from "../state/event-text.js";
import { instantText } from "../state/format.js";
import { controllerNow, liveState } from "../state/live.js";

/** An AP's current name, or its address while the controller knows no name. */
export const apName = (mac: string): string => liveState().aps.get(mac)?.summary.name ?? mac;

export function EventList({ events }: { events: readonly LoggedEvent[] }) {
  if (events.length === 0) return <p class="empty">Nothing has happened since the controller started.</p>;
  return (
    <ol class="events">
      {events.map(({ at, event }) => {
        const { tone, text } = eventText(event, apName);
        return (
          <li key={`${at} ${text}`} class={tone}>
            <time dateTime={new Date(at).toISOString()}>{instantText(at, controllerNow())}</time>
            <span>{text}</span>
          </li>
        );
      })}
    </ol>
  );
}
