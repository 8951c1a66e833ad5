import type { Endpoint } from "../base/endpoint.js";
import type { Failure, Result } from "../base/failure.js";
import { invariant } from "../base/invariant.js";
import { isIPv6 } from "../base/ip-address.js";
import type { MacAddress } from "../base/mac-address.js";
import type { Sha256Hex } from "../base/sha256.js";
import type { ControllerEffect, ControllerInput, ControllerMachine } from "../core/controller/contract.js";
import type { ControllerEvent } from "../core/controller/events.js";
import type { OrderValue, ResultOf } from "../core/controller/operator/order-results.js";
import type { MachineOrder } from "../core/controller/operator/orders.js";
import { isDtls } from "../wire/capwap/dtls-record.js";
import { KeyValueStore } from "./key-value-store.js";
import type { Network } from "./network.js";
import { type Life, type MachineHost, SimNode } from "./node-host.js";
import { LayerHost, sealed } from "./secure-link/layer-host.js";
import { type StandInOutcome, StandInServer } from "./secure-link/stand-in-server.js";
import type { SyntheticImage } from "./synthetic-image.js";
import type { World } from "./world.js";

/** A controller: its machine, its store and its folder of images. */
export class ControllerNode {
  /** The addresses at which it listens, one of each IP version. */
  readonly endpoints: readonly Endpoint[];
  readonly node: SimNode;
  readonly store: KeyValueStore;
  /** Image payload that left for APs, retransmissions included. */
  imageBytesSent = 0;
  halted: Failure | undefined;
  /** DTLS handshakes by outcome. */
  readonly handshakes = new Map<StandInOutcome, number>();
  readonly #world: World;
  readonly #network: Network;
  readonly #images: ReadonlyMap<string, SyntheticImage>;
  readonly #chunkBytes: number;
  readonly #machine: (boots: number) => ControllerMachine;
  readonly #onEvent: (event: ControllerEvent) => void;
  readonly #secretOf: ((mac: MacAddress) => number | undefined) | undefined;
  readonly #waiting = new Map<number, (result: Result<OrderValue>) => void>();
  #host: MachineHost<ControllerInput, ControllerEffect> | undefined;
  #links: LayerHost<StandInServer> | undefined;
  #requests = 0;

  /** How often it has lost power. */
  powerCuts = 0;

  constructor(options: {
    readonly world: World;
    readonly network: Network;
    readonly name: string;
    readonly endpoints: readonly Endpoint[];
    readonly images: readonly SyntheticImage[];
    /** Of the chunks in which images may be distributed. */
    readonly chunkBytes: number;
    /** Duration of an fsync. */
    readonly syncMs: number;
    /** Created for each boot; `boots` counts from 1. */
    readonly machine: (boots: number) => ControllerMachine;
    readonly onEvent: (event: ControllerEvent) => void;
    /** The keys of its APs, where they come by DTLS; undefined for clear text. */
    readonly secretOf: ((mac: MacAddress) => number | undefined) | undefined;
  }) {
    const { world, name } = options;
    this.#world = world;
    this.#network = options.network;
    this.endpoints = options.endpoints;
    this.#images = new Map(options.images.map((image) => [image.sha256, image]));
    this.#chunkBytes = options.chunkBytes;
    this.#machine = options.machine;
    this.#onEvent = options.onEvent;
    this.#secretOf = options.secretOf;
    this.store = new KeyValueStore(world, name, options.syncMs);
    this.node = new SimNode(
      world,
      name,
      (life) => this.#boot(life),
      () => {
        this.powerCuts++;
        this.store.crash();
      },
    );
  }

  /** Gives an operator's order; `replied` is called once with its answer, unless the controller dies first. */
  order<O extends MachineOrder>(order: O, replied: (result: Result<ResultOf<O["type"]>>) => void): void {
    invariant(this.#host !== undefined, "the controller is down");
    const requestId = ++this.#requests;
    this.#waiting.set(requestId, replied as (result: Result<OrderValue>) => void);
    this.#world.post(this.#host, { type: "operator", requestId, order });
  }

  /** Ends the links of an AP whose key is void. */
  closeLinksOf(mac: MacAddress): void {
    if (this.node.alive) this.#links?.call((layer) => layer.closeAp(mac));
  }

  #boot(life: Life): void {
    this.#waiting.clear();
    const host: MachineHost<ControllerInput, ControllerEffect> = life.host("controller", this.#machine(life.node.boots), {
      send: ({ to, bytes, image, carriage }) => {
        const whole = image === undefined ? bytes : this.#withImage(bytes, image);
        const datagram = carriage === "clear" ? whole : sealed(links?.layer, whole, to);
        if (datagram !== undefined) this.#network.send(this.#localFor(to), to, datagram);
      },
      "close-link": ({ peer }) => {
        links?.call((layer) => layer.close(peer));
      },
      persist: ({ records }) => this.store.persist(records),
      reply: ({ requestId, result }) => {
        const replied = this.#waiting.get(requestId);
        invariant(replied !== undefined, `request ${requestId} is answered twice or was never made`);
        this.#waiting.delete(requestId);
        replied(result);
      },
      event: ({ event }) => {
        this.#onEvent(event);
      },
      // The simulator damages no image file.
      "check-image": ({ sha256 }) => {
        const chunks = this.#images.get(sha256)?.chunks(this.#chunkBytes) ?? null;
        this.#world.post(host, { type: "image-checked", sha256, fault: null, chunks });
      },
      "expect-proof": ({ mac, sha256, nonce }) => {
        const proof = this.#images.get(sha256)?.proof(nonce, mac) ?? null;
        this.#world.post(host, { type: "proof-expected", mac, sha256, nonce, proof });
      },
      "image-gone": () => undefined,
      halt: ({ failure }) => {
        this.halted = failure;
      },
    });
    this.#host = host;
    const links = this.#openLinks(life, host);
    this.#links = links;
    for (const endpoint of this.endpoints)
      life.bind(this.#network, endpoint, ({ from, to, bytes }) => {
        if (links !== undefined && isDtls(bytes)) links.call((layer) => layer.take(this.#world.now, bytes, from));
        else host.take({ type: "datagram", from, to, bytes, carriage: "clear" });
      });
    host.take({ type: "boot", records: this.store.records() });
  }

  #openLinks(life: Life, host: MachineHost<ControllerInput, ControllerEffect>): LayerHost<StandInServer> | undefined {
    const secretOf = this.#secretOf;
    if (secretOf === undefined) return undefined;
    const layer = new StandInServer({
      prng: this.#world.prng.split(`${life.node.name} links ${life.node.boots}`),
      secretOf,
      send: (datagram, to) => this.#network.send(this.#localFor(to), to, datagram),
      onPlaintext: (bytes, from) => host.take({ type: "datagram", from, bytes, carriage: "dtls" }),
      onUp: (peer, identity) => host.take({ type: "link-up", peer, identity }),
      onDown: (peer) => host.take({ type: "link-down", peer }),
      onHandshake: (outcome) => this.handshakes.set(outcome, (this.handshakes.get(outcome) ?? 0) + 1),
    });
    return life.adopt(new LayerHost(this.#world, `${life.node.name}/links`, layer));
  }

  #localFor({ address }: Endpoint): Endpoint {
    const local = this.endpoints.find((endpoint) => isIPv6(endpoint.address) === isIPv6(address));
    invariant(local !== undefined, `no way to ${address} from here`);
    return local;
  }

  #withImage(head: Uint8Array, { sha256, offset, length }: { sha256: Sha256Hex; offset: number; length: number }): Uint8Array {
    const image = this.#images.get(sha256);
    invariant(image !== undefined, `no image ${sha256} lies here`);
    this.imageBytesSent += length;
    const datagram = new Uint8Array(head.length + length);
    datagram.set(head);
    datagram.set(image.range(offset, length), head.length);
    return datagram;
  }
}
