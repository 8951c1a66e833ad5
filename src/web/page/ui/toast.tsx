/** Short messages about what the user just did. Announced by screen readers, hidden after some seconds; failures stay until closed. */
import { useEffect, useState } from "preact/hooks";
import type { Result } from "../../../base/failure.js";
import { FailureNote, Note } from "./note.js";

interface Toast {
  readonly id: number;
  readonly result: Result<string>;
}

const shownMs = 6000;
let next = 1;
let toasts: readonly Toast[] = [];
let redraw: () => void = () => undefined;

const drop = (id: number): void => {
  toasts = toasts.filter((toast) => toast.id !== id);
  redraw();
};

/** @returns the result, so that calls can be chained */
export function tell<T>(result: Result<T>, done: string | ((value: T) => string)): Result<T> {
  const id = next++;
  toasts = [
    ...toasts.slice(-3),
    { id, result: result.ok ? { ok: true, value: typeof done === "string" ? done : done(result.value) } : result },
  ];
  if (result.ok) setTimeout(() => drop(id), shownMs);
  redraw();
  return result;
}

export function Toasts() {
  const [, setCount] = useState(0);
  useEffect(() => {
    redraw = () => setCount((count) => count + 1);
  }, []);
  return (
    <div class="toasts" aria-live="polite">
      {toasts.map(({ id, result }) => (
        <div class="toast" key={id}>
          {result.ok ? <Note tone="good">{result.value}</Note> : <FailureNote failure={result.failure} />}
          <button type="button" class="quiet" aria-label="Close this message" onClick={() => drop(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
