import { totalmem } from "node:os";

/** Memory that this process may come to use: the machine's, or less where a container's limit says so. */
export function memoryBytes(): number {
  const limit = process.constrainedMemory() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
