/** Makes guessing passwords slow, without letting whoever guesses lock out anybody else. */

import { failure, type Result, success } from "../base/failure.js";
import { networkOf } from "../base/ip-address.js";
import type { Instant } from "../base/time.js";

/** After so many wrong passwords from one place for one name, each further guess must wait, twice as long each time. */
const freeAttempts = 3;
const delayMsFirst = 1000;
const delayMsMax = 60_000;
/** Wrong passwords that one address may send for whatever names, and how soon it may send another. */
const addressAttempts = 20;
const addressRefillMs = 3000;
/** Places and addresses that are remembered; the one silent longest is forgotten first. */
const remembered = 10_000;
/** Passwords that are checked or wait for it: of one address, and of all. */
const pendingOfAddressMax = 24;
const pendingMax = 64;
/** Names are remembered up to here; no user's is longer. */
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
  /** Names that came in from an address before: guesses at other names there do not hold them up. */
  readonly #known = new Map<string, true>();
  /** Guesses that are not decided yet, by address. */
  readonly #queues = new Map<string, { last: Promise<unknown>; length: number }>();
  #pending = 0;

  constructor(now: () => Instant) {
    this.#now = now;
  }

  /**
   * Checks a password unless its place must wait. Guesses of one address are decided one after the other, so that a crowd of them counts
   * as if they had come in a row.
   * @param check whether it is right
   * Failures: `wrong-password`, `too-many-attempts`, `too-many-logins`.
   */
  async guess<T>(name: string, address: string, check: () => Promise<T | undefined>): Promise<Result<T>> {
    const from = placeOf(address);
    const queue = this.#queues.get(from) ?? { last: Promise.resolve(), length: 0 };
    if (this.#pending >= pendingMax || queue.length >= pendingOfAddressMax)
      return failure("too-many-logins", "Too many logins at this moment; try again in some seconds");
    this.#pending++;
    queue.length++;
    this.#queues.set(from, queue);
    const decided = queue.last.then(() => this.#decide(name.slice(0, nameLengthMax), from, check));
    queue.last = decided.catch(() => undefined);
    try {
      return await decided;
    } finally {
      this.#pending--;
      if (--queue.length === 0) this.#queues.delete(from);
    }
  }

  async #decide<T>(name: string, from: string, check: () => Promise<T | undefined>): Promise<Result<T>> {
    const place = `${from} ${name}`;
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

/** An IPv6 host has a whole /64 to send from: that counts as one. */
const placeOf = (address: string): string => networkOf(address, { ipv4: 32, ipv6: 64 });

function remember<T>(all: Map<string, T>, key: string, value: T): void {
  all.delete(key);
  all.set(key, value);
  const oldest = all.keys().next();
  if (all.size > remembered && !oldest.done) all.delete(oldest.value);
}
