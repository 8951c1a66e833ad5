/**
 * Whether the other controller of the network holds the same images. The source document asks for it: an AP that moves from its primary
 * to its secondary controller must find there what it was upgraded to. What the peer holds comes in as a fact; the host asks for it.
 */
import type { Sha256Hex } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import type { ReleaseName } from "../upgrade/limits.js";
import { type ModelPattern, matchLength, modelPattern } from "../upgrade/model-pattern.js";
import { familyOfName } from "../upgrade/models.js";
import type { ImageCatalogue } from "./image-catalogue.js";
import { refuse } from "./operator/refusals.js";
import { releaseNames } from "./operator/release-config.js";
import type { PeerDifference, PeerView } from "./operator/views.js";
import type { Outbox } from "./outbox.js";

export interface PeerConfig {
  /** What people call it: its admin URL. */
  readonly name: string;
  /** How a start is treated while the peer is known to hold other images. */
  readonly onMismatch: "refuse" | "warn";
}

/** An image of the peer, as far as it counts: which bytes, under which version, for which APs. */
export interface PeerImage {
  readonly release: ReleaseName;
  /** Model patterns. */
  readonly models: readonly string[];
  readonly version: string;
  /** Lower-case hex. */
  readonly sha256: Sha256Hex;
}

/** The outcome of asking the peer. `trouble` is a few words without a line break. */
export type PeerAnswer = { readonly images: readonly PeerImage[] } | { readonly trouble: string };

const nothingHeard = { images: null, heardAt: null, unreachableSince: null, trouble: null };

export class PeerParity {
  readonly #config: PeerConfig | undefined;
  readonly #catalogue: ImageCatalogue;
  readonly #outbox: Outbox;
  #heard: {
    readonly images: readonly PeerImage[] | null;
    readonly heardAt: Instant | null;
    readonly unreachableSince: Instant | null;
    readonly trouble: string | null;
  } = nothingHeard;
  /** The last event, so that none is repeated. */
  #said = "";

  constructor(config: PeerConfig | undefined, catalogue: ImageCatalogue, outbox: Outbox) {
    this.#config = config;
    this.#catalogue = catalogue;
    this.#outbox = outbox;
  }

  /** Null without a peer. */
  view(): PeerView | null {
    if (this.#config === undefined) return null;
    const { images, ...heard } = this.#heard;
    const differences = images === null ? [] : imageDifferences(this.#catalogue.all(), images);
    const verdict = images === null ? "unknown" : differences.length === 0 ? "same" : "differs";
    return { name: this.#config.name, onMismatch: this.#config.onMismatch, verdict, ...heard, differences };
  }

  answered(now: Instant, answer: PeerAnswer): void {
    if ("images" in answer) this.#heard = { images: answer.images, heardAt: now, unreachableSince: null, trouble: null };
    else this.#heard = { ...this.#heard, unreachableSince: this.#heard.unreachableSince ?? now, trouble: answer.trouble };
    this.tellIfNew();
  }

  /** Emits an event if the comparison changed. Call it when either side's images may have changed. */
  tellIfNew(): void {
    const view = this.view();
    if (view === null || (view.heardAt === null && view.trouble === null)) return;
    const { name: peer, verdict, trouble } = view;
    const detail = trouble ?? differencesText(view.differences);
    const reachable = trouble === null;
    const said = [verdict, reachable, differencesText(view.differences)].join();
    if (said === this.#said) return;
    this.#said = said;
    this.#outbox.event({ type: "peer-images", peer, verdict, reachable, detail });
  }

  /** Why no upgrade may start now. A peer of which nothing is known stops nobody: its outage must not become ours. */
  objection(): ReturnType<typeof refuse.peerDiffers> | undefined {
    const view = this.view();
    if (view?.verdict !== "differs" || view.onMismatch === "warn") return undefined;
    const asOf = view.unreachableSince === null ? "" : `; it has not answered since then (${view.trouble})`;
    return refuse.peerDiffers(view.name, differencesText(view.differences) + asOf);
  }
}

interface Side {
  readonly version: string;
  readonly sha256: Sha256Hex;
}

/** Release by release, the models in the order of their names. A model gets the same bytes from both sides, however the sides name it. */
export function imageDifferences(here: readonly PeerImage[], there: readonly PeerImage[]): PeerDifference[] {
  return releaseNames.flatMap((release) => {
    const [ours, theirs] = [new SideTable(here, release), new SideTable(there, release)];
    const patterns = new Map([...theirs.patterns, ...ours.patterns].map((pattern) => [pattern.name, pattern]));
    return [...patterns.values()]
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .flatMap(({ name: model, beginnings }) => {
        const sides = beginnings.map((beginning) => [ours.of(beginning), theirs.of(beginning)] as const);
        const [own, other] = sides.find(([one, two]) => one?.sha256 !== two?.sha256 || one?.version !== two?.version) ?? [null, null];
        return own === null && other === null ? [] : [{ release, family: familyOfName(model), model, here: own, there: other }];
      });
  });
}

/** What one side has for a model in one release. */
class SideTable {
  readonly patterns: readonly ModelPattern[];
  readonly #sides: readonly (readonly [ModelPattern, Side])[];
  readonly #exact = new Map<string, Side>();

  constructor(images: readonly PeerImage[], release: ReleaseName) {
    this.#sides = images
      .filter((image) => image.release === release)
      .flatMap(({ models, version, sha256 }) => models.map((name) => [modelPattern(name), { version, sha256 }] as const));
    this.patterns = this.#sides.map(([pattern]) => pattern);
    for (const [{ beginnings }, side] of this.#sides) for (const beginning of beginnings) this.#exact.set(beginning, side);
  }

  /** By the longest pattern that matches. */
  of(key: string): Side | null {
    const exact = this.#exact.get(key);
    if (exact !== undefined) return exact;
    let longest = -1;
    let found: Side | null = null;
    for (const [pattern, side] of this.#sides) {
      const length = matchLength(pattern, key) ?? -1;
      if (length > longest) [longest, found] = [length, side];
    }
    return found;
  }
}

/** The first in words, the rest as a number; "" for none. */
function differencesText([first, ...rest]: readonly PeerDifference[]): string {
  if (first === undefined) return "";
  const more = rest.length === 0 ? "" : ` and ${rest.length} more`;
  return `the ${first.release} release for ${first.model}: ${sidesText(first)}${more}`;
}

export function sidesText({ here, there }: Pick<PeerDifference, "here" | "there">): string {
  if (here !== null && here.version === there?.version) {
    const digests = `SHA-256 ${here.sha256.slice(0, 12)}… here, ${there.sha256.slice(0, 12)}… there`;
    return `${here.version} on both, but not the same file (${digests})`;
  }
  return `${here?.version ?? "none"} here, ${there?.version ?? "none"} there`;
}
