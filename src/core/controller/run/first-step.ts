/** What a start has an AP do first. */
export const firstSteps = [
  /** The primary has the image and offers it at once. */
  "serve",
  /** The primary fetches; in a run without LAN sharing, every AP. */
  "fetch-wan",
  /** Knows RFC 5415 alone, so it fetches over the WAN and serves nobody. */
  "plain-wan",
  /** Fetches from its primary as soon as that serves. */
  "fetch-lan",
  /** Has the verified image; ordered like the others, it answers so and moves no byte. */
  "holds",
  /** No AP can be its primary: the group's fallback policy decides after the grace time. */
  "no-primary",
  /** The release has no image for it. */
  "unsupported",
] as const;
export type FirstStep = (typeof firstSteps)[number];
