/**
 * The tree of the `stream` distribution. Each AP of a family fetches chunks from one parent and knows a spare one; no AP has more
 * children than the group allows sessions. The tree is not stored: it follows from the orders of the working subordinates, so it mends
 * itself wherever a parent is gone, failed or distrusted.
 */
import type { Endpoint } from "../../../base/endpoint.js";
import { compareMac, type MacAddress } from "../../../base/mac-address.js";
import type { ImageChunks } from "../../upgrade/image-chunks.js";
import { isWorking } from "./member-state.js";
import { type Family, hasMoved, type Member, primaryOf } from "./run.js";
import { policyOf, type RunParts } from "./run-parts.js";
import { tftpServerFor } from "./tftp-address.js";

/** The chunks in which the family's image is distributed; undefined where it goes as a whole. */
export function chunksOf(parts: RunParts, { run, image }: Family): ImageChunks | undefined {
  if (run.group === null || image === null || policyOf(parts, run.group).distribution !== "stream") return undefined;
  return parts.catalogue.chunksOf(image.sha256);
}

interface Node {
  readonly member: Member;
  /** Null for an AP that fetches from none. */
  readonly parent: MacAddress | null;
  children: number;
}

export class Tree {
  /** The APs that can serve. */
  readonly #nodes = new Map<MacAddress, Node>();
  readonly #parents = new Map<MacAddress, MacAddress>();
  readonly #parts: RunParts;

  constructor(parts: RunParts, family: Family) {
    this.#parts = parts;
    const { inventory } = parts;
    for (const member of family.members.values()) {
      const session = inventory.get(member.mac)?.session;
      const parent = parentOf(member);
      if (parent !== null) this.#parents.set(member.mac, parent);
      if (!session?.streams || !session.proven || family.steppedDown.has(member.mac) || !canServe(member)) continue;
      this.#nodes.set(member.mac, { member, parent, children: 0 });
    }
    for (const [mac, parent] of this.#parents) {
      const node = this.#nodes.get(parent);
      if (node && isFetching(family.members.get(mac))) node.children++;
    }
  }

  /** Whether the AP has no parent yet, or needs another one. */
  needsParent(member: Member): boolean {
    const { state, mac, avoids } = member;
    if (state.phase === "pending") return state.contact === "here";
    if (!isWorking(state) || state.task.role !== "subordinate" || state.contact !== "here") return false;
    const parent = this.#nodes.get(state.task.server);
    if (parent === undefined || avoids.has(state.task.server)) return this.#best(mac, avoids) !== undefined;
    const at = tftpServerFor(this.#parts, member, parent.member.mac);
    return at !== undefined && hasMoved(member, at);
  }

  /** The AP's parent from now on; undefined while no AP has a free session. */
  adopt({ mac, avoids, state }: Member): MacAddress | undefined {
    const present = isWorking(state) && state.task.role === "subordinate" ? state.task.server : undefined;
    if (present !== undefined && this.#nodes.has(present) && !avoids.has(present)) return present;
    let parent = this.#best(mac, avoids);
    if (parent === undefined && avoids.size > 0) {
      avoids.clear();
      parent = this.#best(mac, avoids);
    }
    if (parent === undefined) return undefined;
    const former = this.#parents.get(mac);
    const formerNode = former && this.#nodes.get(former);
    if (formerNode) formerNode.children--;
    parent.children++;
    this.#parents.set(mac, parent.member.mac);
    const own = this.#nodes.get(mac);
    if (own) this.#nodes.set(mac, { ...own, parent: parent.member.mac });
    return parent.member.mac;
  }

  /** Another AP with a free session; children of one parent get different ones. */
  spareFor(member: Member, parent: MacAddress): Endpoint | null {
    const { mac, avoids } = member;
    const others = [...this.#nodes.values()].filter(({ member: { mac: other } }) => other !== parent && this.#mayServe(other, mac, avoids));
    const turn = Number.parseInt(mac.slice(-5).replace(":", ""), 16);
    const chosen = others.sort(byMac)[turn % others.length];
    return (chosen && tftpServerFor(this.#parts, member, chosen.member.mac)) ?? null;
  }

  /** The nearest to the primary, then the one with the fewest children. */
  #best(mac: MacAddress, avoids: ReadonlySet<MacAddress>): Node | undefined {
    let best: { readonly node: Node; readonly depth: number } | undefined;
    for (const node of this.#nodes.values()) {
      if (!this.#mayServe(node.member.mac, mac, avoids)) continue;
      const depth = this.#depth(node.member.mac);
      const isBetter =
        best === undefined ||
        depth < best.depth ||
        (depth === best.depth &&
          (node.children < best.node.children || (node.children === best.node.children && byMac(node, best.node) < 0)));
      if (isBetter) best = { node, depth };
    }
    return best?.node;
  }

  #mayServe(server: MacAddress, mac: MacAddress, avoids: ReadonlySet<MacAddress>): boolean {
    const node = this.#nodes.get(server);
    if (node === undefined || !hasTakenOrder(node.member)) return false;
    return node.children < this.#parts.sessionsMax && !avoids.has(server) && !this.#isBelow(server, mac);
  }

  /** Whether `mac` is this AP or one of those above it. */
  #isBelow(from: MacAddress, mac: MacAddress): boolean {
    const seen = new Set<MacAddress>();
    for (let at: MacAddress | undefined = from; at !== undefined && !seen.has(at); at = this.#parents.get(at)) {
      if (at === mac) return true;
      seen.add(at);
    }
    return false;
  }

  #depth(mac: MacAddress): number {
    const seen = new Set<MacAddress>();
    for (let at = this.#parents.get(mac); at !== undefined && !seen.has(at); at = this.#parents.get(at)) seen.add(at);
    return seen.size;
  }
}

const byMac = (one: Node, other: Node): number => compareMac(one.member.mac, other.member.mac);

const parentOf = ({ state }: Member): MacAddress | null =>
  isWorking(state) && state.task.role === "subordinate" ? state.task.server : null;

/** It has chunks, or will have some. */
function canServe({ state, family, mac }: Member): boolean {
  if (state.phase === "complete") return true;
  if (primaryOf(family) === mac) return state.phase === "queued" || (isWorking(state) && state.contact === "here");
  return isWorking(state) && state.task.role === "subordinate" && state.contact === "here";
}

/** Its server knows the chunks by name: one that is asked before would refuse. */
const hasTakenOrder = ({ state, heard }: Member): boolean => state.phase === "complete" || heard.state !== null;

/** It uses a session of its parent. */
const isFetching = (member: Member | undefined): boolean =>
  member !== undefined && (member.heard.bytesDone < (member.family.image?.sizeBytes ?? 0) || member.heard.state === null);
