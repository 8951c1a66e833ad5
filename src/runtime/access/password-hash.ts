import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** RFC 7914 parameters, one of OWASP's equivalent recommendations: 32 MiB for each guess. Stored hashes keep theirs until the next login. */
const cost = { N: 2 ** 15, r: 8, p: 3 } as const;
/** Node refuses at 128 · N · r octets and a little more. */
const memoryBytesMax = 64 * 2 ** 20;
const saltBytes = 16;
const keyBytes = 32;
/** Simultaneous computations: more would take memory and cores from the controller. */
const concurrentMax = 2;

/** `first`: a login that should not wait behind strangers' guesses. */
export type Urgency = "first" | "later";

let running = 0;
const waiting: Readonly<Record<Urgency, (() => void)[]>> = { first: [], later: [] };

/** `scrypt$N$r$p$salt$key`, salt and key in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const key = await derive(password, salt, cost, "first");
  return ["scrypt", cost.N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/** Whether a hash was made with weaker parameters than today's. */
export const isOutdated = (hash: string): boolean => !hash.startsWith(`scrypt$${cost.N}$${cost.r}$${cost.p}$`);

/** Whether `hash` was made from `password`; false for a malformed hash. */
export async function checkPassword(password: string, hash: string, urgency: Urgency = "later"): Promise<boolean> {
  const [, N, r, p, salt, key] = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([\w-]+)\$([\w-]+)$/.exec(hash) ?? [];
  if (salt === undefined || key === undefined) return false;
  const expected = Buffer.from(key, "base64url");
  const derived = await derive(password, Buffer.from(salt, "base64url"), { N: Number(N), r: Number(r), p: Number(p) }, urgency);
  return derived.length === expected.length && timingSafeEqual(derived, expected);
}

/** A password of 120 random bits for a first user. */
export const randomPassword = (): string => randomBytes(15).toString("base64url");

async function derive(
  password: string,
  salt: Buffer,
  parameters: { readonly N: number; readonly r: number; readonly p: number },
  urgency: Urgency,
): Promise<Buffer> {
  if (running >= concurrentMax) await new Promise<void>((resolve) => waiting[urgency].push(resolve));
  running++;
  try {
    return await new Promise((resolve, reject) =>
      scrypt(password.normalize("NFC"), salt, keyBytes, { ...parameters, maxmem: memoryBytesMax }, (error, key) =>
        error === null ? resolve(key) : reject(error),
      ),
    );
  } finally {
    running--;
    (waiting.first.shift() ?? waiting.later.shift())?.();
  }
}
