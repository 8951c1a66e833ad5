import { totalmem } from "node:os";

/** Memory available to this process: the machine's, or a container's lower limit. */
export function memoryBytes(): number {
  const limit = process.constrainedMemory() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
