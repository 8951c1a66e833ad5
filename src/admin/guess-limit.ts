/** Slows down password guessing without letting a guesser lock out anybody else. */

import { failure, type Result, success } from "../base/failure.js";
import { networkOf } from "../base/ip-address.js";
import type { Instant } from "../base/time.js";
import type { Urgency } from "../runtime/access/password-hash.js";

/** After this many wrong passwords from one place for one name, each further guess must wait, twice as long each time. */
const freeAttempts = 3;
const delayMsFirst = 1000;
const delayMsMax = 60_000;
/** Wrong passwords that one address may send for any names, and how soon it may send another. */
const addressAttempts = 20;
const addressRefillMs = 3000;
/** Places and addresses that are remembered; the one silent longest is forgotten first. */
const remembered = 10_000;
/** Logins in progress, of one address, and of all that never logged in from their address before; those that did have a pool of their own. */
const pendingOfAddressMax = 24;
const pendingMax = { known: 64, unknown: 64 } as const;
/** Names are remembered up to this length; no user's is longer. */
const nameLengthMax = 65;

interface Place {
  wrong: number;
  quietUntil: Instant;
}

interface Address {
  left: number;
  at: Instant;
}

export class GuessLimit {
  readonly #now: () => Instant;
  /** By name and address. */
  readonly #places = new Map<string, Place>();
  readonly #addresses = new Map<string, Address>();
  /** Names that have logged in from an address: guesses at other names from there do not delay them. */
  readonly #known = new Map<string, true>();
  /** Undecided guesses, by address or by known place. */
  readonly #queues = new Map<string, { last: Promise<unknown>; length: number }>();
  readonly #pending = { known: 0, unknown: 0 };

  constructor(now: () => Instant) {
    this.#now = now;
  }

  /**
   * Checks a password unless its place must wait. Guesses of one address, and those of a known name there, are decided one after the
   * other, so that simultaneous ones count like successive ones.
   * @param check whether it is right; `first`: before strangers' guesses
   * Failures: `wrong-password`, `too-many-attempts`, `too-many-logins`.
   */
  async guess<T>(name: string, address: string, check: (urgency: Urgency) => Promise<T | undefined>): Promise<Result<T>> {
    const from = placeOf(address);
    const place = `${from} ${name.slice(0, nameLengthMax)}`;
    const pool = this.#known.has(place) ? "known" : "unknown";
    const queueKey = pool === "known" ? place : from;
    const queue = this.#queues.get(queueKey) ?? { last: Promise.resolve(), length: 0 };
    if (this.#pending[pool] >= pendingMax[pool] || queue.length >= pendingOfAddressMax)
      return failure("too-many-logins", "Too many logins at the moment; try again in a few seconds");
    this.#pending[pool]++;
    queue.length++;
    this.#queues.set(queueKey, queue);
    const decided = queue.last.then(() => this.#decide(place, from, () => check(pool === "known" ? "first" : "later")));
    queue.last = decided.catch(() => undefined);
    try {
      return await decided;
    } finally {
      this.#pending[pool]--;
      if (--queue.length === 0) this.#queues.delete(queueKey);
    }
  }

  async #decide<T>(place: string, from: string, check: () => Promise<T | undefined>): Promise<Result<T>> {
    const waitMs = Math.max(this.#placeWaitMs(place), this.#known.has(place) ? 0 : this.#addressWaitMs(from));
    if (waitMs > 0) return failure("too-many-attempts", `Too many wrong passwords; try again in ${Math.ceil(waitMs / 1000)} s`);
    const right = await check();
    if (right === undefined) {
      this.#countWrong(place, from);
      return failure("wrong-password", "User name or password is wrong");
    }
    this.#places.delete(place);
    remember(this.#known, place, true);
    return success(right);
  }

  #placeWaitMs(place: string): number {
    return (this.#places.get(place)?.quietUntil ?? 0) - this.#now();
  }

  #addressWaitMs(from: string): number {
    return (1 - this.#attemptsLeft(from)) * addressRefillMs;
  }

  #attemptsLeft(from: string): number {
    const known = this.#addresses.get(from);
    return known === undefined ? addressAttempts : Math.min(addressAttempts, known.left + (this.#now() - known.at) / addressRefillMs);
  }

  #countWrong(place: string, from: string): void {
    const wrong = (this.#places.get(place)?.wrong ?? 0) + 1;
    const delayMs = wrong < freeAttempts ? 0 : Math.min(delayMsMax, delayMsFirst * 2 ** (wrong - freeAttempts));
    remember(this.#places, place, { wrong, quietUntil: this.#now() + delayMs });
    remember(this.#addresses, from, { left: Math.max(0, this.#attemptsLeft(from) - 1), at: this.#now() });
  }
}

/** An IPv6 host may send from a whole /64, which counts as one address. */
const placeOf = (address: string): string => networkOf(address, { ipv4: 32, ipv6: 64 });

function remember<T>(all: Map<string, T>, key: string, value: T): void {
  all.delete(key);
  all.set(key, value);
  const oldest = all.keys().next();
  if (all.size > remembered && !oldest.done) all.delete(oldest.value);
}
