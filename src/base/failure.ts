/**
 * A refusal that a person or script sees: one line that says what was wrong and what to do, and a code
 * that stays the same between versions.
 */
export interface Failure {
  /** Stable, kebab-case, e.g. `unknown-group`. Scripts may depend on it. */
  readonly code: string;
  /** One sentence without a line break. */
  readonly message: string;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export const success = <T>(value: T): Result<T> => ({ ok: true, value });
export const failure = (code: string, message: string): { readonly ok: false; readonly failure: Failure } => ({
  ok: false,
  failure: { code, message },
});

/** Whether what came from elsewhere is a failure. */
export const isFailure = (value: unknown): value is Failure =>
  typeof value === "object" &&
  value !== null &&
  "code" in value &&
  typeof value.code === "string" &&
  "message" in value &&
  typeof value.message === "string";
