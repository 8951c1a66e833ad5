import { percentText } from "../state/format.js";

/** Progress of a transfer, coloured by `path`: WAN or LAN. */
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
