/** Ports, timers, variables and capwapLimits with the RFC's names and defaults (RFC 5415 §3.1, §4.7, §4.8). */
export const ports = { control: 5246, data: 5247 } as const;

/** §4.7 timers and §4.8 variables that the sessions use. A lab shortens them; the names end in their unit. */
export interface CapwapTimers {
  /** A WTP collects Discovery Responses for this long after the first. */
  readonly discoveryIntervalMs: number;
  /** Upper bound of the random delay before each Discovery Request. */
  readonly maxDiscoveryIntervalMs: number;
  /** Rounds of Discovery Requests before Sulking. */
  readonly maxDiscoveries: number;
  readonly silentIntervalMs: number;
  /** First wait for a response; doubled for each retry up to half the Echo interval. */
  readonly retransmitIntervalMs: number;
  readonly maxRetransmit: number;
  readonly echoIntervalMs: number;
  readonly changeStatePendingTimerMs: number;
  readonly imageDataStartTimerMs: number;
  readonly waitDtlsMs: number;
  readonly waitJoinMs: number;
}

export const defaultTimers: CapwapTimers = {
  discoveryIntervalMs: 5_000,
  maxDiscoveryIntervalMs: 20_000,
  maxDiscoveries: 10,
  silentIntervalMs: 30_000,
  retransmitIntervalMs: 3_000,
  maxRetransmit: 5,
  echoIntervalMs: 30_000,
  changeStatePendingTimerMs: 25_000,
  imageDataStartTimerMs: 30_000,
  waitDtlsMs: 60_000,
  waitJoinMs: 60_000,
};

/** `--lab`: short waits for a network of processes on one machine; a dead peer is found within seconds. */
export const labTimers: CapwapTimers = {
  discoveryIntervalMs: 100,
  maxDiscoveryIntervalMs: 500,
  maxDiscoveries: 10,
  silentIntervalMs: 500,
  retransmitIntervalMs: 200,
  maxRetransmit: 5,
  echoIntervalMs: 2_000,
  changeStatePendingTimerMs: 5_000,
  imageDataStartTimerMs: 5_000,
  waitDtlsMs: 5_000,
  waitJoinMs: 5_000,
};

/** §4.7.6, §4.8: sent to WTPs in the Configuration Status Response; they concern stations and radios. */
export const radioDefaults = { idleTimeoutSeconds: 300, statisticsTimerSeconds: 120, reportIntervalSeconds: 120 } as const;

export const capwapLimits = {
  /** What every implementation must be able to reassemble (§4); we neither send nor take more. */
  messageBytesMax: 4096,
  /** Largest Image Data block (§4.6.26). */
  imageBlockBytesMax: 1024,
  /**
   * Our choice: largest CAPWAP datagram that we send before fragmenting. With IPv6, UDP and DTLS no more than the 1,280 octets that
   * every path carries (RFC 8200 §5), since the controller's socket may never fragment in IP. A full image block fits.
   */
  datagramBytesMax: 1_140,
} as const;
