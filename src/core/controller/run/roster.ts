/** Which APs are in a run, and in which of its families. */
import type { MacAddress } from "../../../base/mac-address.js";
import type { Instant } from "../../../base/time.js";
import type { ImageRecord } from "../records.js";
import type { Members } from "./members.js";
import { isOnWan, type LeftOut } from "./plan.js";
import { type Family, isTakingPart, type Member, type Run, runImage } from "./run.js";
import type { RunParts } from "./run-parts.js";

/** Of APs that never joined: their model is unknown. */
const unknownFamily = "unknown";

export class Roster {
  readonly #parts: RunParts;
  readonly #members: Members;

  constructor(parts: RunParts, members: Members) {
    this.#parts = parts;
    this.#members = members;
  }

  /** It has its row in the run: if it joins in time it still takes part, and no run is complete without it. */
  leaveOut(now: Instant, run: Run, { mac, reason }: LeftOut): void {
    const ap = this.#parts.inventory.get(mac);
    const family = ap ? this.familyOfModel(run, ap.record.model) : this.#family(run, unknownFamily, null);
    const member = this.#parts.runs.addMember(now, mac, family);
    if (ap === undefined || isTakingPart(member)) this.#members.end(now, member, "failed", { reason: "ap-lost", detail: reason });
  }

  enroll(now: Instant, mac: MacAddress, family: Family): Member {
    const member = this.#parts.runs.addMember(now, mac, family);
    if (isTakingPart(member) && isOnWan(family.run.group, this.#parts.inventory.get(mac))) this.#members.fallBack(now, member);
    return member;
  }

  /** An AP that was given up is back. @returns its part, in another family where its model was not known before */
  revive(now: Instant, member: Member): Member {
    const ap = this.#parts.inventory.get(member.mac);
    const family = ap ? this.familyOfModel(member.run, ap.record.model) : member.family;
    if (family !== member.family) {
      member.family.members.delete(member.mac);
      return this.enroll(now, member.mac, family);
    }
    member.heard = { ...member.heard, state: null };
    this.#members.transition(now, member, { type: "set-aside" });
    if (isOnWan(member.run.group, ap)) this.#members.fallBack(now, member);
    return member;
  }

  /** The run's family of the image that APs of this model get. */
  familyOfModel(run: Run, model: string): Family {
    const { family, image } = this.#parts.catalogue.familyFor(run.release, model);
    if (image === null) return this.#family(run, family, null);
    const known = [...run.families.values()].find((one) => one.image?.sha256 === image.sha256);
    return known ?? this.#family(run, family, image);
  }

  /** By its name, unless the run has another image of that name: the catalogue may have changed since the run began. */
  #family(run: Run, family: string, image: ImageRecord | null): Family {
    const known = run.families.get(family);
    if (known && (known.image?.sha256 ?? null) === (image?.sha256 ?? null)) return known;
    const name = known ? `image-${image?.sha256.slice(0, 12) ?? "none"}` : family;
    return run.families.get(name) ?? this.#parts.runs.addFamily(run, name, image && runImage(name, image));
  }
}
