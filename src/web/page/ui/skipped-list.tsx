import { countText } from "../state/format.js";

/** The APs that an act would pass over, each with the reason. */
export function SkippedList({ aps }: { aps: readonly { readonly mac: string; readonly name: string | null; readonly reason: string }[] }) {
  if (aps.length === 0) return null;
  return (
    <details>
      <summary>{countText(aps.length, "AP")} would not take part</summary>
      <ul>
        {aps.map(({ mac, name, reason }) => (
          <li key={mac}>
            {name ?? mac}: {reason}
          </li>
        ))}
      </ul>
    </details>
  );
}
