/** Counts seconds for what must move between the controller's events: waits and elapsed times. */
import { useEffect, useReducer } from "preact/hooks";

/** Re-renders the component every second while `running`. */
export function useSeconds(running = true): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => again(undefined), 1000);
    return () => clearInterval(timer);
  }, [running]);
}
