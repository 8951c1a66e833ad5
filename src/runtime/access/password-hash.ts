import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** RFC 7914 parameters: about 16 MiB and some tens of milliseconds for each guess. */
const cost = { N: 16384, r: 8, p: 1 } as const;
const saltBytes = 16;
const keyBytes = 32;
/** Guesses that are computed at one moment: more would take the memory and the cores from the controller. */
const concurrentMax = 2;

let running = 0;
const waiting: (() => void)[] = [];

/** `scrypt$N$r$p$salt$key`, salt and key in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const key = await derive(password, salt, cost);
  return ["scrypt", cost.N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/** Whether `password` is the one that `hash` was made of; false for a hash that is none. */
export async function checkPassword(password: string, hash: string): Promise<boolean> {
  const [, N, r, p, salt, key] = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([\w-]+)\$([\w-]+)$/.exec(hash) ?? [];
  if (salt === undefined || key === undefined) return false;
  const expected = Buffer.from(key, "base64url");
  const derived = await derive(password, Buffer.from(salt, "base64url"), { N: Number(N), r: Number(r), p: Number(p) });
  return derived.length === expected.length && timingSafeEqual(derived, expected);
}

/** A password of 120 random bits for a first user. */
export const randomPassword = (): string => randomBytes(15).toString("base64url");

async function derive(password: string, salt: Buffer, parameters: { N: number; r: number; p: number }): Promise<Buffer> {
  if (running >= concurrentMax) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await new Promise((resolve, reject) =>
      scrypt(password.normalize("NFC"), salt, keyBytes, parameters, (error, key) => (error === null ? resolve(key) : reject(error))),
    );
  } finally {
    running--;
    waiting.shift()?.();
  }
}
