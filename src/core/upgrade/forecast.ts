/**
 * How long one model's LAN phase will take: a discrete-event run of the rules themselves (slots, random back-off,
 * tries, then the WAN) with every transfer equally long and none failing; and its WAN phase before. Same input, same answer.
 */
import { Prng } from "../../base/prng.js";

export interface LanPhase {
  /** APs that want the image from the primary, all asking at once. */
  readonly subordinates: number;
  /** TFTP sessions that the primary serves at a time. */
  readonly sessionsMax: number;
  readonly lanTransferSeconds: number;
  /** One fallback transfer that has the WAN for itself. */
  readonly wanTransferSeconds: number;
  /** Fallback transfers that the WAN carries at that speed; the others wait. A shared link carries one: two take twice as long. */
  readonly wanTransfersAtFullSpeed: number;
  readonly backoffSecondsMin: number;
  readonly backoffSecondsMax: number;
  /** Back-offs before an AP takes the WAN. */
  readonly retryCountMax: number;
}

export interface LanForecast {
  /** From the primary's first offer to the last AP's last byte. */
  readonly seconds: number;
  readonly fallbacks: number;
}

/** How long the slots alone need, when none is ever idle: the LAN phase where the controller assigns them. */
export const forecastSlots = ({
  subordinates,
  sessionsMax,
  lanTransferSeconds,
}: Pick<LanPhase, "subordinates" | "sessionsMax" | "lanTransferSeconds">): LanForecast => ({
  seconds: Math.ceil(subordinates / sessionsMax) * lanTransferSeconds,
  fallbacks: 0,
});

/**
 * How long chunks take to the last AP of a tree in which each has as many children as it has sessions, all at the same rate: one
 * transfer, and a chunk's time for each level below the first.
 */
export function forecastTree({
  subordinates,
  sessionsMax,
  lanTransferSeconds,
  chunks,
}: Pick<LanPhase, "subordinates" | "sessionsMax" | "lanTransferSeconds"> & { readonly chunks: number }): LanForecast {
  let levels = 0;
  for (let left = subordinates, width = sessionsMax; left > 0; left -= width, width *= sessionsMax) levels++;
  return { seconds: levels === 0 ? 0 : lanTransferSeconds * (1 + (levels - 1) / chunks), fallbacks: 0 };
}

/** So many APs get a slot before their tries run out: later, back-offs on average take longer than all tries of an AP. */
export const servedByRetries = (phase: Omit<LanPhase, "subordinates">): number => {
  const backoffSeconds = (phase.backoffSecondsMin + phase.backoffSecondsMax) / 2;
  return Math.floor((phase.sessionsMax * phase.retryCountMax * backoffSeconds) / phase.lanTransferSeconds);
};

/** Enough for a figure that people plan by: the mean moves by a few per cent between seeds. */
const rounds = 25;

/** Mean over a fixed number of seeded rounds. Work grows with `subordinates × retryCountMax`, both bounded by the product's limits. */
export function forecastLanPhase(phase: LanPhase): LanForecast {
  let seconds = 0;
  let fallbacks = 0;
  for (let round = 0; round < rounds; round++) {
    const result = playOnce(phase, new Prng(round));
    seconds += result.seconds;
    fallbacks += result.fallbacks;
  }
  return { seconds: seconds / rounds, fallbacks: fallbacks / rounds };
}

function playOnce(phase: LanPhase, prng: Prng): LanForecast {
  const asks = Array.from({ length: phase.subordinates }, () => ({ atSeconds: 0, backoffs: 0 }));
  const wanFreeAtSeconds: number[] = [];
  const slotFreeAtSeconds = new Array<number>(phase.sessionsMax).fill(0);
  let lastEnd = 0;
  let fallbacks = 0;
  for (;;) {
    const ask = earliest(asks);
    if (ask === undefined) return { seconds: lastEnd, fallbacks };
    const slot = slotFreeAtSeconds.findIndex((freeAt) => freeAt <= ask.atSeconds);
    const lastTry = ask.backoffs >= phase.retryCountMax;
    if (slot === -1 && !lastTry) {
      ask.backoffs++;
      ask.atSeconds += prng.above(phase.backoffSecondsMin, phase.backoffSecondsMax);
      continue;
    }
    asks.splice(asks.indexOf(ask), 1);
    if (slot === -1) {
      fallbacks++;
      const isFree = wanFreeAtSeconds.length < phase.wanTransfersAtFullSpeed;
      const start = isFree ? ask.atSeconds : Math.max(ask.atSeconds, wanFreeAtSeconds.shift() ?? 0);
      wanFreeAtSeconds.push(start + phase.wanTransferSeconds);
      lastEnd = Math.max(lastEnd, start + phase.wanTransferSeconds);
    } else {
      slotFreeAtSeconds[slot] = ask.atSeconds + phase.lanTransferSeconds;
      lastEnd = Math.max(lastEnd, slotFreeAtSeconds[slot]);
    }
  }
}

/**
 * When each of some WAN transfers ends: `transfersMax` of them run at a time, in the order given, and share one rate evenly.
 * @param sizesBytes of the transfers. @returns seconds, in the same order
 */
export function forecastWanPhase(sizesBytes: readonly number[], bytesPerSecond: number, transfersMax: number): number[] {
  const endSeconds = sizesBytes.map(() => 0);
  const running = new Map<number, number>();
  let next = 0;
  let nowSeconds = 0;
  for (;;) {
    while (running.size < transfersMax && next < sizesBytes.length) running.set(next, sizesBytes[next++] ?? 0);
    if (running.size === 0) return endSeconds;
    const leastBytes = Math.min(...running.values());
    nowSeconds += (leastBytes * running.size) / bytesPerSecond;
    for (const [index, bytesLeft] of running) {
      if (bytesLeft > leastBytes) running.set(index, bytesLeft - leastBytes);
      else {
        endSeconds[index] = nowSeconds;
        running.delete(index);
      }
    }
  }
}

function earliest<Ask extends { readonly atSeconds: number }>(asks: readonly Ask[]): Ask | undefined {
  let first: Ask | undefined;
  for (const ask of asks) if (first === undefined || ask.atSeconds < first.atSeconds) first = ask;
  return first;
}
