import { percentText } from "../state/format.js";

/** How much of a transfer is done. `path` colours it: over the WAN or over the LAN. */
export function Bar({ done, total, path, label }: { done: number; total: number; path: "wan" | "lan"; label: string }) {
  const share = total === 0 ? 0 : Math.min(1, done / total);
  return (
    <div
      class={`bar ${path}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(share * 100)}
      aria-valuetext={percentText(done, total)}
    >
      <div style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}
