import { readFileSync } from "node:fs";

/**
 * Datagrams that Linux threw away because a socket's receive buffer was full, at the sockets that are open now and bound to an
 * address that begins so. On a busy machine some are, whatever a test does; what it counts is then not exact.
 * @param addresses e.g. `127.100.2.`
 */
export function droppedAt(...addresses: readonly string[]): number {
  const rows = readFileSync("/proc/net/udp", "utf8").trim().split("\n").slice(1);
  let dropped = 0;
  for (const row of rows) {
    const cells = row.trim().split(/\s+/);
    const address = addressOf(cells[1] ?? "");
    if (addresses.some((start) => address.startsWith(start))) dropped += Number(cells.at(-1));
  }
  return dropped;
}

/** `0100007F:147E` is 127.0.0.1 on a machine whose least significant octet comes first, and most are. */
const addressOf = (cell: string): string => [6, 4, 2, 0].map((at) => Number.parseInt(cell.slice(at, at + 2), 16)).join(".");
