/** Data that a page requests itself because the event stream does not carry it. */
import { useCallback, useEffect, useState } from "preact/hooks";
import type { Failure, Result } from "../../../base/failure.js";

export interface Resource<Value> {
  readonly value: Value | undefined;
  readonly failure: Failure | null;
  readonly reload: () => void;
}

/** @param ask called at first and whenever one of `keys` changes; the last value stays until the next arrives */
export function useResource<Value>(ask: () => Promise<Result<Value>>, keys: readonly unknown[]): Resource<Value> {
  const [held, setHeld] = useState<{ value: Value | undefined; failure: Failure | null }>({ value: undefined, failure: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let wanted = true;
    void ask().then((result) => {
      if (wanted) setHeld((last) => (result.ok ? { value: result.value, failure: null } : { value: last.value, failure: result.failure }));
    });
    return () => {
      wanted = false;
    };
  }, [...keys, turn]);
  const reload = useCallback(() => setTurn((count) => count + 1), []);
  return { ...held, reload };
}
