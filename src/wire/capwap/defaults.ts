/** Ports, timers and limits with the RFC's names and defaults (RFC 5415 §3.1, §4.7, §4.8). */
export const defaults = {
  controlPort: 5246,
  dataPort: 5247,

  /** A WTP collects Discovery Responses for this long after the first. */
  discoveryIntervalMs: 5_000,
  /** Upper bound of the random delay before each Discovery Request. */
  maxDiscoveryIntervalMs: 20_000,
  /** Discovery Requests before Sulking. */
  maxDiscoveries: 10,
  silentIntervalMs: 30_000,
  /** First wait for a response; doubled for each retry up to half the Echo interval. */
  retransmitIntervalMs: 3_000,
  maxRetransmit: 5,
  echoIntervalMs: 30_000,
  changeStatePendingTimerMs: 25_000,
  dataCheckTimerMs: 30_000,
  imageDataStartTimerMs: 30_000,
  waitDtlsMs: 60_000,
  waitJoinMs: 60_000,
  dtlsSessionDeleteMs: 5_000,
  maxFailedDtlsSessionRetry: 3,
  idleTimeoutSeconds: 300,
  statisticsTimerSeconds: 120,
  reportIntervalSeconds: 120,

  /** What every implementation must be able to reassemble (§4). */
  maxMessageBytes: 4096,
  /** Largest Image Data block (§4.6.26). */
  imageBlockBytesMax: 1024,
  /**
   * Our choice: largest CAPWAP datagram that we send before fragmenting. Leaves room for IPv6, UDP and DTLS within the
   * 1500 octets of Ethernet, and for common tunnels.
   */
  datagramBytesMax: 1400,
} as const;
