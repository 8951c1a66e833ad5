import type { Result } from "../base/failure.js";
import { invariant } from "../base/invariant.js";
import type { MacAddress } from "../base/mac-address.js";
import { parseMac } from "../base/mac-address.js";
import type { ApEvent } from "../core/ap/contract.js";
import type { ControllerEvent } from "../core/controller/events.js";
import type { ResultOf } from "../core/controller/operator/order-results.js";
import type { MachineOrder } from "../core/controller/operator/orders.js";
import type { ApImageRow, GroupView } from "../core/controller/operator/views.js";
import type { ReleaseName } from "../core/upgrade/limits.js";
import { familyOfName } from "../core/upgrade/models.js";
import { ports } from "../wire/capwap/defaults.js";
import { type ApFacts, ApNode } from "./ap-node.js";
import { ControllerNode } from "./controller-node.js";
import { apMachines, controllerMachine } from "./fleet-machines.js";
import { defaultFleet, type FleetOptions } from "./fleet-options.js";
import { newWatch, noteApEvent, noteControllerEvent } from "./fleet-watch.js";
import { ImageStore } from "./image-store.js";
import { Link, Network } from "./network.js";
import { SyntheticImage } from "./synthetic-image.js";
import { World } from "./world.js";

const groupName = "branch";
/** The version that every AP runs at first, and the run's. */
export const oldVersion = "8.5.151.0";
export const newVersion = "8.5.161.0";

const controllerAddresses = ["10.9.0.1", "fd00:9::1"];
const apAddress = (number: number, ipv6: boolean): string =>
  ipv6 ? `fd00:1::${number.toString(16)}` : `10.1.${number >> 8}.${number & 255}`;

/** One line of what happened, for people and for expected transcripts. */
export interface Happening {
  readonly elapsedMs: number;
  readonly subject: string;
  readonly event: ApEvent | ControllerEvent;
}

/** A branch of APs, a WAN and a controller, in virtual time. */
export class Fleet {
  readonly options: FleetOptions;
  readonly groupName = groupName;
  readonly world: World;
  readonly network: Network;
  readonly controller: ControllerNode;
  readonly aps: readonly ApNode[];
  readonly images: ReadonlyMap<string, { readonly old: SyntheticImage; readonly new: SyntheticImage }>;
  readonly wanDown: Link;
  readonly wanUp: Link;
  readonly uplinks: ReadonlyMap<string, Link>;
  readonly happenings: Happening[] = [];
  readonly watch = newWatch();
  /** The keys under which APs may come by DTLS now. */
  readonly secrets = new Map<MacAddress, number>();

  constructor(options: Partial<FleetOptions> = {}) {
    this.options = { ...defaultFleet, ...options };
    const { seed, aps, models, imageBytes, wan, lan, ipv6Aps } = this.options;
    this.world = new World(seed);
    const families = [...new Set(models.map(familyOfName))];
    this.images = new Map(
      families.map((family) => [
        family,
        {
          old: new SyntheticImage(`${family}-${oldVersion}`, imageBytes),
          new: new SyntheticImage(`${family}-${newVersion}`, imageBytes),
        },
      ]),
    );
    const known = [...this.images.values()].flatMap((images) => [images.old, images.new]);
    const facts = Array.from({ length: aps }, (_, index): ApFacts => apFacts(index, models, ipv6Aps.includes(index)));
    this.wanDown = new Link("wan-down", wan);
    this.wanUp = new Link("wan-up", wan);
    this.uplinks = new Map(facts.map(({ name, address }) => [address, new Link(`${name}-uplink`, lan)]));
    this.network = new Network(this.world, (from, to) => {
      const uplink = this.uplinks.get(from);
      if (uplink === undefined) return this.uplinks.has(to) ? this.wanDown : undefined;
      return controllerAddresses.includes(to) ? this.wanUp : uplink;
    });
    this.controller = new ControllerNode({
      world: this.world,
      network: this.network,
      name: "controller",
      endpoints: controllerAddresses.map((address) => ({ address, port: ports.control })),
      images: known,
      chunkBytes: this.options.chunkBytes,
      syncMs: this.options.syncMs,
      machine: (boots) => controllerMachine(seed * 1000 + boots, controllerAddresses, this.options),
      onEvent: (event) => {
        this.#note("controller", event);
        noteControllerEvent(this.watch, event);
      },
      secretOf: this.options.link === "clear" ? undefined : (mac) => this.secrets.get(mac),
    });
    for (const { mac } of facts) this.secrets.set(mac, secretOf(mac));
    this.aps = facts.map((fact, index) => this.#newAp(fact, known, ipv6Aps.includes(index), this.options.muteAps.includes(index)));
  }

  /** Gives an operator's order and runs until it is answered. */
  order<O extends MachineOrder>(order: O): Result<ResultOf<O["type"]>> {
    let answer: Result<ResultOf<O["type"]>> | undefined;
    this.controller.order(order, (result) => {
      answer = result;
    });
    const answered = this.world.runUntil(() => answer !== undefined, this.world.now + 60_000);
    invariant(answered && answer !== undefined, `no answer to ${order.type}`);
    return answer;
  }

  /** Gives an order without waiting for its answer; does nothing while the controller is down. */
  orderLater(order: MachineOrder): void {
    if (this.controller.node.alive) this.controller.order(order, () => {});
  }

  /** The same for an order that must succeed. */
  must<O extends MachineOrder>(order: O): ResultOf<O["type"]> {
    const result = this.order(order);
    invariant(result.ok, `${order.type} was refused: ${result.ok ? "" : result.failure.message}`);
    return result.value;
  }

  /** Boots everything, sets the group up and waits until all APs have joined. */
  setUp(): void {
    const { distribution, retryCount, backoffSeconds, wave2Refetch, wanPolicy, lateAps, imageBytes } = this.options;
    this.controller.node.start();
    for (const ap of this.aps) ap.node.start();
    for (const [family, images] of this.images) {
      const { sha256, md5 } = images.new;
      const image = { version: newVersion, models: [family], release: "primary", sizeBytes: imageBytes, sha256, md5 } as const;
      this.must({ type: "image-add", image: { ...image, fileName: `${family}-${newVersion}.bin` } });
    }
    const group = groupName;
    this.must({ type: "group-add", group });
    for (const [index, ap] of this.aps.entries()) if (!lateAps.includes(index)) this.addToGroup(ap);
    this.must({ type: "group-predownload", group, enabled: true });
    this.must({ type: "group-retry-count", group, retryCount });
    this.must({ type: "group-backoff", group, minSeconds: backoffSeconds.min, maxSeconds: backoffSeconds.max });
    this.must({ type: "group-wave2-refetch", group, enabled: wave2Refetch });
    if (distribution !== "classic") this.must({ type: "group-set", group, settings: { distribution } });
    if (Object.keys(wanPolicy).length > 0) this.must({ type: "group-wan", group, wan: wanPolicy });
    const joined = this.world.runUntil(() => this.joined.size === this.aps.length, this.world.now + 600_000);
    invariant(joined, `only ${this.joined.size} of ${this.aps.length} APs joined`);
  }

  get running(): boolean {
    return this.watch.running;
  }

  addToGroup(ap: ApNode): void {
    this.must({ type: "group-ap-add", group: groupName, mac: ap.facts.mac });
  }

  start(release: ReleaseName = "primary"): number {
    return this.must({ type: "group-start", group: groupName, release }).runId;
  }

  /** Runs until the group's run has ended. @returns whether it did */
  finish(withinMs: number): boolean {
    return this.world.runUntil(() => this.watch.runState !== null, this.world.now + withinMs);
  }

  /** MAC addresses of the APs in a session, according to the controller's events. */
  get joined(): ReadonlySet<MacAddress> {
    return this.watch.joined;
  }

  ap(name: string): ApNode {
    const found = this.aps.find(({ facts }) => facts.name === name);
    invariant(found !== undefined, `there is no ${name}`);
    return found;
  }

  /** The image of that version for a model's family. */
  imageOf(model: string, version: string): SyntheticImage | undefined {
    const images = this.images.get(familyOfName(model));
    return version === oldVersion ? images?.old : version === newVersion ? images?.new : undefined;
  }

  group(): GroupView {
    return this.must({ type: "show-group", group: groupName });
  }

  rows(): readonly ApImageRow[] {
    return this.must({ type: "show-ap-image", ap: "all" }).aps;
  }

  /** Voids an AP's key and ends its link. @returns how to give the key back */
  revoke({ facts: { mac } }: ApNode): () => void {
    this.secrets.delete(mac);
    this.controller.closeLinksOf(mac);
    return () => this.secrets.set(mac, secretOf(mac));
  }

  #newAp(facts: ApFacts, known: readonly SyntheticImage[], ipv6: boolean, mute: boolean): ApNode {
    const { world, network, options } = this;
    const image = this.images.get(familyOfName(facts.model))?.old;
    invariant(image !== undefined, `${facts.model} has no image`);
    const capacityBytes = Math.floor(options.flashImages * options.imageBytes);
    const store = new ImageStore(world, facts.name, {
      known,
      factory: { image, version: oldVersion },
      capacityBytes,
      speed: options.flash,
    });
    const controllers = this.controller.endpoints.filter(({ address }) => address.includes(":") === ipv6);
    return new ApNode({
      world,
      network,
      facts,
      store,
      machines: apMachines(options),
      controllers,
      secret: options.link === "clear" ? undefined : () => secretOf(facts.mac),
      bootMs: options.bootMs,
      isMute: (version) => mute && version === newVersion,
      onEvent: (ap, event) => {
        this.#note(ap.facts.name, event);
        noteApEvent(this.watch, ap, event);
      },
    });
  }

  #note(subject: string, event: ApEvent | ControllerEvent): void {
    this.happenings.push({ elapsedMs: this.world.elapsedMs, subject, event });
  }
}

/** The key that an AP was given: anything that differs from the others'. */
const secretOf = (mac: MacAddress): number => Number.parseInt(mac.replaceAll(":", "").slice(-8), 16);

function apFacts(index: number, models: readonly string[], ipv6: boolean): ApFacts {
  const number = index + 1;
  const octets = number.toString(16).padStart(4, "0");
  const mac = parseMac(`00:0a:b8:00:${octets.slice(0, 2)}:${octets.slice(2)}`);
  const model = models[index % models.length];
  invariant(mac !== undefined && model !== undefined, "a fleet has at most 65,535 APs and at least one model");
  return { name: `ap-${number.toString().padStart(2, "0")}`, mac, model, address: apAddress(number, ipv6) };
}
