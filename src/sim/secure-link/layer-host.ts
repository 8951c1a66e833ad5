import type { Endpoint } from "../../base/endpoint.js";
import type { Instant } from "../../base/time.js";
import type { LinkLayer } from "../../core/capwap/link/secure-link.js";
import type { Actor, World } from "../world.js";
import { standInOverheadBytes } from "./stand-in-wire.js";

/** The datagram that carries the plaintext; undefined where the peer has no link. */
export const sealed = (layer: LinkLayer | undefined, plaintext: Uint8Array, to: Endpoint): Uint8Array | undefined =>
  layer?.seal(plaintext, to, new Uint8Array(plaintext.length + standInOverheadBytes));

/** Arms the timer of one boot's link layer. */
export class LayerHost<Layer extends LinkLayer> implements Actor<Instant> {
  readonly name: string;
  readonly layer: Layer;
  alive = true;
  readonly #world: World;
  #armedAt: Instant | undefined;

  constructor(world: World, name: string, layer: Layer) {
    this.#world = world;
    this.name = name;
    this.layer = layer;
  }

  /** Calls the layer, then arms its next timer. */
  call<Value>(act: (layer: Layer) => Value): Value {
    const value = act(this.layer);
    this.#arm();
    return value;
  }

  take(at: Instant): void {
    if (at !== this.#armedAt) return;
    this.#armedAt = undefined;
    this.call((layer) => layer.wake(this.#world.now));
  }

  #arm(): void {
    const due = this.layer.nextWakeAt();
    if (due === undefined || (this.#armedAt !== undefined && this.#armedAt <= due)) return;
    this.#armedAt = Math.max(due, this.#world.now);
    this.#world.schedule(this.#armedAt, this, this.#armedAt);
  }
}
