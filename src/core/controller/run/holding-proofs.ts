/**
 * APs that claim an image of which this controller did not send them every byte: each is challenged to prove that it holds it, and its
 * answer compared with the one from the controller's own file.
 *
 * One nonce serves all APs of a family in a run, so the file is read once. That is enough: the nonce did not exist before the run, so
 * the image was there to be read after it began, and each answer is keyed by the AP's own MAC address.
 */
import type { Instant } from "../../../base/time.js";
import { TimerTable } from "../../../base/timer-table.js";
import type { HoldingProof } from "../../../wire/capwap/vendor.js";
import type { ProofQuestion } from "../ap-port.js";
import { roleOf } from "./member-state.js";
import type { Family, Member } from "./run.js";
import type { RunParts } from "./run-parts.js";

/** The path by which the AP says that the image came; null where it held it before. */
export type ClaimedPath = "wan" | "lan" | null;

interface Claim {
  readonly path: ClaimedPath;
  readonly nonce: Uint8Array;
  /** From the AP, and from the controller's own file. */
  given: Uint8Array | undefined;
  expected: Uint8Array | undefined;
}

/** How a claim ended. `holds` false with the reason in words. */
export type ProofVerdict =
  | { readonly member: Member; readonly holds: true; readonly path: ClaimedPath }
  | { readonly member: Member; readonly holds: false; readonly detail: string };

export class HoldingProofs {
  readonly #parts: RunParts;
  readonly #claims = new Map<Member, Claim>();
  readonly #timers = new TimerTable<Member>();
  readonly #nonces = new WeakMap<Family, Uint8Array>();

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  nextWakeAt(): Instant | undefined {
    return this.#timers.nextAt();
  }

  /** Challenges the AP, unless its answer is awaited already. */
  demand(now: Instant, member: Member, path: ClaimedPath): void {
    const { mac, family } = member;
    if (!family.image || this.#claims.has(member)) return;
    const nonce = this.#nonceOf(family);
    const { sha256 } = family.image;
    this.#claims.set(member, { path, nonce, given: undefined, expected: undefined });
    this.#timers.set(member, now + this.#parts.timings.silenceMs);
    this.#parts.outbox.expectProof({ mac, sha256, nonce });
    this.#parts.outbox.tell(mac, { type: "challenge", sha256, nonce });
  }

  given(member: Member, { nonce, proof }: HoldingProof): ProofVerdict | undefined {
    const claim = this.#claims.get(member);
    if (claim === undefined || !isSame(claim.nonce, nonce)) return undefined;
    claim.given = proof;
    return this.#judge(member, claim);
  }

  /** The AP refused the challenge. */
  refused(member: Member, detail: string): ProofVerdict | undefined {
    return this.withdraw(member) ? { member, holds: false, detail } : undefined;
  }

  /** @param proof null where the controller cannot read its own file: nothing can be judged */
  expected(member: Member, { nonce }: ProofQuestion, proof: Uint8Array | null): ProofVerdict | undefined {
    const claim = this.#claims.get(member);
    if (claim === undefined || !isSame(claim.nonce, nonce)) return undefined;
    if (proof === null) {
      this.withdraw(member);
      return undefined;
    }
    claim.expected = proof;
    return this.#judge(member, claim);
  }

  /** The next claim that was not proven in time. */
  takeOverdue(now: Instant): ProofVerdict | undefined {
    for (let member = this.#timers.takeDue(now); member; member = this.#timers.takeDue(now)) {
      const claim = this.#claims.get(member);
      if (claim?.given === undefined) {
        this.withdraw(member);
        const seconds = this.#parts.timings.silenceMs / 1000;
        return { member, holds: false, detail: `did not prove within ${seconds} s that it holds the image` };
      }
      // The AP has answered; the controller's own file takes longer.
      this.#timers.set(member, now + this.#parts.timings.silenceMs);
    }
    return undefined;
  }

  /** @returns whether a proof was awaited */
  withdraw(member: Member): boolean {
    this.#timers.clear(member);
    return this.#claims.delete(member);
  }

  #judge(member: Member, { path, given, expected }: Claim): ProofVerdict | undefined {
    if (given === undefined || expected === undefined) return undefined;
    this.withdraw(member);
    if (isSame(given, expected)) return { member, holds: true, path };
    return { member, holds: false, detail: "claims to hold the image, but its proof is wrong" };
  }

  #nonceOf(family: Family): Uint8Array {
    const nonce = this.#nonces.get(family) ?? this.#parts.unguessable();
    this.#nonces.set(family, nonce);
    return nonce;
  }
}

/**
 * Whether the AP's word is enough that it has the image: this controller sent it every byte in this run, or it is a subordinate's own copy,
 * on which nobody depends.
 */
export const isCredible = ({ family: { image }, wanSentBytes, state }: Member, path: ClaimedPath): boolean =>
  image !== null && (wanSentBytes >= image.sizeBytes || (path === "lan" && roleOf(state) === "subordinate"));

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((octet, index) => octet === other[index]);
