/** Why an image may not be taken or booted, in the words that operators see. */
export const trustReasons = [
  "not-signed",
  "bundle-malformed",
  "signature-invalid",
  "metadata-expired",
  "metadata-rollback",
  "below-security-floor",
  "wrong-family",
] as const;
export type TrustReason = (typeof trustReasons)[number];

export interface TrustFault {
  readonly reason: TrustReason;
  /** One line. */
  readonly detail: string;
}

export type TrustVerdict<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: TrustFault };

export const accept = <T>(value: T): TrustVerdict<T> => ({ ok: true, value });
export const distrust = (reason: TrustReason, detail: string): { readonly ok: false; readonly fault: TrustFault } => ({
  ok: false,
  fault: { reason, detail },
});
