import type { Socket } from "node:net";

/** Set for daemons that a program starts and that must not outlive it, however it ends: they stop when their standard input closes. */
export const stopsWithStdin = "FLEXUP_STOP_WITH_STDIN";

/** Calls `stop` once a daemon is asked to stop: SIGTERM, SIGINT, or the end of the program that started it. */
export function onStopRequest(stop: () => void, env: NodeJS.ProcessEnv = process.env): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
  if (env[stopsWithStdin] === undefined) return;
  process.stdin.once("close", stop).once("error", stop).resume();
  // A daemon that ends by itself does not wait for its parent.
  (process.stdin as Partial<Socket>).unref?.();
}
