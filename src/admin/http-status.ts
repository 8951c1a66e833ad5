import type { Failure } from "../base/failure.js";

/** Codes whose HTTP status does not follow from their first word. */
const statusByCode: Readonly<Record<string, number>> = {
  "not-logged-in": 401,
  "wrong-password": 401,
  "not-allowed": 403,
  "csrf-refused": 403,
  "out-of-range": 400,
  "backoff-order": 400,
  "no-activation": 404,
  "image-empty": 400,
  "image-too-large": 413,
  "image-not-stored": 507,
  "storage-read-only": 507,
  "idempotency-key-reused": 422,
  "too-many-attempts": 429,
  "too-many-logins": 429,
  "controller-stopping": 503,
};

const statusByFirstWord: Readonly<Record<string, number>> = { unknown: 404, invalid: 400, bad: 400 };

/** A refusal that no table knows is a conflict with the state that the controller is in. */
export const httpStatusOf = ({ code }: Failure): number => statusByCode[code] ?? statusByFirstWord[code.split("-")[0] as string] ?? 409;
