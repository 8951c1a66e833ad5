/** Counts seconds for what must move without news from the controller: waits and elapsed times. */
import { useEffect, useReducer } from "preact/hooks";

/** Draws the component again each second while `running`. */
export function useSeconds(running = true): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => again(undefined), 1000);
    return () => clearInterval(timer);
  }, [running]);
}
