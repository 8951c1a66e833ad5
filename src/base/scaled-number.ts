const scales = { k: 1e3, M: 1e6, G: 1e9, "": 1 } as const;

/** `500k`, `1.5M`, `2G`, `800`: k, M and G are powers of ten. Undefined for anything else. */
export function parseScaled(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)([kMG]?)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * scales[match[2] as keyof typeof scales];
}
