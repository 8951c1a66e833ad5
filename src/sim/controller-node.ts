import type { Endpoint } from "../base/endpoint.js";
import type { Failure, Result } from "../base/failure.js";
import { InvariantError, invariant } from "../base/invariant.js";
import { isIPv6 } from "../base/ip-address.js";
import type { Sha256Hex } from "../base/sha256.js";
import type { ControllerEffect, ControllerInput, ControllerMachine } from "../core/controller/contract.js";
import type { ControllerEvent } from "../core/controller/events.js";
import type { OrderValue, ResultOf } from "../core/controller/operator/order-results.js";
import type { MachineOrder } from "../core/controller/operator/orders.js";
import { KeyValueStore } from "./key-value-store.js";
import type { Network } from "./network.js";
import { type Life, type MachineHost, SimNode } from "./node-host.js";
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
  readonly #world: World;
  readonly #network: Network;
  readonly #images: ReadonlyMap<string, SyntheticImage>;
  readonly #machine: (boots: number) => ControllerMachine;
  readonly #onEvent: (event: ControllerEvent) => void;
  readonly #waiting = new Map<number, (result: Result<OrderValue>) => void>();
  #host: MachineHost<ControllerInput, ControllerEffect> | undefined;
  #requests = 0;

  constructor(options: {
    readonly world: World;
    readonly network: Network;
    readonly name: string;
    readonly endpoints: readonly Endpoint[];
    readonly images: readonly SyntheticImage[];
    /** Duration of an fsync. */
    readonly syncMs: number;
    /** Created for each boot; `boots` counts from 1. */
    readonly machine: (boots: number) => ControllerMachine;
    readonly onEvent: (event: ControllerEvent) => void;
  }) {
    const { world, name } = options;
    this.#world = world;
    this.#network = options.network;
    this.endpoints = options.endpoints;
    this.#images = new Map(options.images.map((image) => [image.sha256, image]));
    this.#machine = options.machine;
    this.#onEvent = options.onEvent;
    this.store = new KeyValueStore(world, name, options.syncMs);
    this.node = new SimNode(
      world,
      name,
      (life) => this.#boot(life),
      () => this.store.crash(),
    );
  }

  /** Gives an operator's order; `replied` is called once with its answer, unless the controller dies first. */
  order<O extends MachineOrder>(order: O, replied: (result: Result<ResultOf<O["type"]>>) => void): void {
    invariant(this.#host !== undefined, "the controller is down");
    const requestId = ++this.#requests;
    this.#waiting.set(requestId, replied as (result: Result<OrderValue>) => void);
    this.#world.post(this.#host, { type: "operator", requestId, order });
  }

  #boot(life: Life): void {
    this.#waiting.clear();
    const host: MachineHost<ControllerInput, ControllerEffect> = life.host("controller", this.#machine(life.node.boots), {
      send: ({ to, bytes, image }) => {
        this.#network.send(this.#localFor(to), to, image === undefined ? bytes : this.#withImage(bytes, image));
      },
      "close-link": () => {
        throw new InvariantError("the simulator's controller speaks clear CAPWAP");
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
        this.#world.post(host, { type: "image-checked", sha256, fault: null });
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
    for (const endpoint of this.endpoints)
      life.bind(this.#network, endpoint, ({ from, to, bytes }) => host.take({ type: "datagram", from, to, bytes, carriage: "clear" }));
    host.take({ type: "boot", records: this.store.records() });
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
