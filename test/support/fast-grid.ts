/** Cells of the grid of lines over which the fast transfer is measured. */
import { Path, VirtualTransfer } from "./virtual-path.js";

export interface CellOptions {
  readonly bitsPerSecond: number;
  readonly rttMs: number;
  readonly loss: number;
  /** Bottleneck queue in bandwidth-delay products. */
  readonly queueShare: number;
  /** How long the image takes at the line's full rate. */
  readonly seconds: number;
}

export interface Cell extends CellOptions {
  readonly name: string;
  /** Image bytes per second over the line's rate, from the first datagram to the controller's word of completion. */
  readonly share: number;
  /** UDP payload of both directions beyond the image, over the image. */
  readonly overheadShare: number;
  readonly blocksResent: number;
  /** By the line's loss or a full queue. */
  readonly blocksLost: number;
  readonly problem: string | undefined;
}

/** No line is built with room for less. */
const queueBytesMin = 3 * 1_518;

export function measure(options: CellOptions): Cell {
  const { bitsPerSecond, rttMs, loss, queueShare, seconds } = options;
  const path = new Path({ bitsPerSecond, rttMs, loss, queueBytes: Math.max(queueBytesMin, (queueShare * bitsPerSecond * rttMs) / 8000) });
  const sizeBytes = Math.round((seconds * bitsPerSecond) / 8);
  const transfer = new VirtualTransfer(path, { sizeBytes });
  path.time.run(seconds * 20_000 + 60_000, () => transfer.done);
  const { sender } = transfer;
  const problem =
    transfer.wrong > 0
      ? `${transfer.wrong} wrong chunks`
      : sender.outcome?.type !== "complete" || transfer.storedBytes !== sizeBytes
        ? `ended ${sender.outcome?.type} at ${transfer.storedBytes} of ${sizeBytes}`
        : undefined;
  return {
    ...options,
    name: `${bitsPerSecond / 1e6} Mbit/s, ${rttMs} ms, queue ${queueShare}`,
    share: (sizeBytes * 8) / transfer.seconds / bitsPerSecond,
    overheadShare: (sender.wireBytesSent + transfer.ackBytes) / sizeBytes - 1,
    blocksResent: Math.round((sender.bytesSent - sizeBytes) / 1_464),
    blocksLost: path.forward.counters.lost + path.forward.counters.overflowed,
    problem,
  };
}

/** What is sent twice was lost, but for a few probes of a silent line. */
export const resentFairly = (cell: Cell): boolean => cell.blocksResent <= cell.blocksLost * 1.05 + 10;

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** One row for each line and queue, one column for each loss. */
export function efficiencyTable(cells: readonly Cell[]): string {
  const losses = [...new Set(cells.map(({ loss }) => loss))];
  const rows = [...new Set(cells.map(({ name }) => name))].map((name) => {
    const shares = losses.map((loss) => cells.find((cell) => cell.name === name && cell.loss === loss)?.share ?? Number.NaN);
    return `| ${name} | ${shares.map(percent).join(" | ")} |`;
  });
  return [
    `| line | ${losses.map((loss) => `loss ${percent(loss)}`).join(" | ")} |`,
    `|---|${losses.map(() => "---|").join("")}`,
    ...rows,
  ].join("\n");
}
