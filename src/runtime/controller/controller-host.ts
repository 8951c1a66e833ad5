import type { Endpoint } from "../../base/endpoint.js";
import { type Failure, failure, type Result } from "../../base/failure.js";
import { unreachable } from "../../base/invariant.js";
import type { Wake } from "../../base/machine.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { SendDatagram } from "../../core/capwap/contract.js";
import type { Carriage, LinkIdentity } from "../../core/capwap/link/secure-link.js";
import type { ProofQuestion } from "../../core/controller/ap-port.js";
import type { ControllerEffect, ControllerInput, ControllerMachine } from "../../core/controller/contract.js";
import type { ControllerEvent, RefusedLink } from "../../core/controller/events.js";
import type { CarriedOut, ResultOf } from "../../core/controller/operator/order-results.js";
import { isCredentialOrder, type MachineOrder, type Order, type OrderType } from "../../core/controller/operator/orders.js";
import type { PeerAnswer } from "../../core/controller/peer-parity.js";
import type { SystemFacts } from "../../core/controller/system-state.js";
import type { Clock } from "../clock.js";
import type { SecurePort } from "../dtls/secure-port.js";
import { HoldingProver } from "../holding-proof.js";
import { Host } from "../host.js";
import { LimitedLog, type Log } from "../log.js";
import type { CapwapMeter } from "../metrics/capwap-meter.js";
import type { UdpPort } from "../udp/udp-ports.js";
import type { ImageFolder } from "./controller-images.js";
import type { CredentialDesk } from "./credential-desk.js";
import { controllerEventLine, isOfSessions, sessionLines } from "./event-line.js";
import type { Store } from "./store/store.js";

export interface ControllerHostOptions {
  readonly machine: ControllerMachine;
  readonly store: Store;
  readonly images: ImageFolder;
  readonly credentials: CredentialDesk;
  readonly clock: Clock;
  readonly log: Log;
  /** Counts what goes over the port. */
  readonly meter: CapwapMeter;
  /** The controller cannot continue: an unreadable row, or a bug. Called once. */
  readonly onHalt: (failure: Failure) => void;
}

export type EventListener = (event: ControllerEvent) => void;

/** The controller machine in the real world: one UDP port, one store, one image folder, and orders as promises. */
export class ControllerHost {
  readonly #options: ControllerHostOptions;
  readonly #host: Host<Exclude<ControllerInput, Wake>, ControllerEffect>;
  readonly #limitedLog: LimitedLog;
  readonly #replies = new Map<number, (answer: CarriedOut<OrderType>) => void>();
  readonly #listeners = new Set<EventListener>();
  /** Images that are being read. */
  readonly #checking = new Set<Sha256Hex>();
  readonly #prover = new HoldingProver();
  #lastRequestId = 0;
  #facts: SystemFacts = { storage: { state: "writable" }, link: "clear", signatures: "unverified", certificate: null };
  #port: SecurePort | undefined;
  #dataPort: UdpPort | undefined;

  constructor(options: ControllerHostOptions) {
    this.#options = options;
    this.#limitedLog = new LimitedLog(options.log, options.clock);
    this.#host = new Host<Exclude<ControllerInput, Wake>, ControllerEffect>({
      machine: options.machine,
      clock: options.clock,
      perform: (effect) => this.#perform(effect),
      onFatal: (error) => {
        options.log.fatal("controller-failed", "the controller cannot continue", { err: error });
        this.#halt({ code: "controller-failed", message: `The controller cannot continue: ${(error as Error).message}` });
      },
    });
  }

  /** Gives the machine its records and from then on what arrives at the ports. */
  async start(port: SecurePort, dataPort?: UdpPort): Promise<void> {
    this.#port = port;
    this.#dataPort = dataPort;
    const { store } = this.#options;
    this.#host.deliver({ type: "boot", records: store.records() });
    store.onStorage((storage) => this.systemChanged({ storage }));
    if (store.storage.state !== "writable") this.systemChanged({ storage: store.storage });
    const catalogue = await this.order({ type: "show-images" });
    const aside = catalogue.ok ? this.#options.images.setAside(new Set(catalogue.value.map(({ sha256 }) => sha256))) : [];
    if (aside.length > 0)
      this.#options.log.warn("images-unlisted", "no release lists these image files; they were moved to images/unlisted", {
        sha256: aside,
      });
    if (catalogue.ok) void this.#checkImages(new Set(catalogue.value.map(({ sha256 }) => sha256)));
  }

  dataDatagram(bytes: Uint8Array, from: Endpoint): void {
    this.#host.deliver({ type: "data-datagram", from, bytes });
  }

  datagram(bytes: Uint8Array, from: Endpoint, carriage: Carriage): void {
    this.#options.meter.see("received", bytes, from);
    this.#host.deliver({ type: "datagram", from, bytes, carriage });
  }

  linkUp(peer: Endpoint, identity: LinkIdentity): void {
    this.#host.deliver({ type: "link-up", peer, identity });
  }

  linkDown(peer: Endpoint): void {
    this.#host.deliver({ type: "link-down", peer });
  }

  linkRefused(refused: RefusedLink): void {
    this.#host.deliver({ type: "link-refused", ...refused });
  }

  portError(error: Error): void {
    this.#limitedLog.warn("port-error", "the CAPWAP port reported an error", { error: error.message });
  }

  async order<T extends Order>(order: T): Promise<Result<ResultOf<T["type"]>>> {
    return (await this.carryOut(order)).result;
  }

  /** One order, one answer; `controller-stopping` when the process ends before it. */
  carryOut<T extends Order>(order: T): Promise<CarriedOut<T["type"]>> {
    if (this.#host.stopped) return Promise.resolve(stopping);
    if (isCredentialOrder(order)) return Promise.resolve(this.#options.credentials.carryOut(order) as CarriedOut<T["type"]>);
    return this.#toMachine(order as MachineOrder) as Promise<CarriedOut<T["type"]>>;
  }

  #toMachine<T extends MachineOrder>(order: T): Promise<CarriedOut<T["type"]>> {
    const requestId = ++this.#lastRequestId;
    return new Promise((resolve) => {
      this.#replies.set(requestId, resolve as (answer: CarriedOut<OrderType>) => void);
      this.#host.deliver({ type: "operator", requestId, order });
    });
  }

  systemChanged(change: Partial<SystemFacts>): void {
    this.#facts = { ...this.#facts, ...change };
    this.#host.deliver({ type: "system", facts: this.#facts });
  }

  /** The result of asking the peer controller for its images. */
  peerAnswered(answer: PeerAnswer): void {
    this.#host.deliver({ type: "peer-answered", answer });
  }

  /** Every event from now on, in order. @returns a function that unsubscribes */
  onEvent(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Delivers the final input and performs its effects; later inputs are ignored. */
  stop(): void {
    this.#host.deliver({ type: "stop" });
    this.#end();
  }

  #perform(effect: ControllerEffect): void {
    switch (effect.type) {
      case "send":
        if (effect.channel === "data") this.#dataPort?.send(effect.bytes, effect.to);
        else this.#send(effect);
        break;
      case "close-link":
        this.#port?.closeLink(effect.peer);
        break;
      case "persist":
        this.#options.store.apply(effect.records);
        break;
      case "reply":
        this.#replies.get(effect.requestId)?.(effect);
        this.#replies.delete(effect.requestId);
        break;
      case "event":
        this.#note(effect.event);
        for (const listener of this.#listeners) listener(effect.event);
        break;
      case "check-image":
        void this.#checkImage(effect.sha256);
        break;
      case "expect-proof":
        void this.#expectProof(effect);
        break;
      case "image-gone":
        this.#options.images.remove(effect.sha256);
        break;
      case "halt":
        this.#halt(effect.failure);
        break;
      default:
        unreachable(effect);
    }
  }

  #send(datagram: SendDatagram): void {
    const { image } = datagram;
    this.#options.meter.see("sent", datagram.bytes, datagram.to);
    try {
      const { images } = this.#options;
      this.#port?.send(datagram, image && { length: image.length, readInto: (into) => images.read(image.sha256, image.offset, into) });
    } catch (error) {
      // The AP asks again; the check says whether the run can continue.
      this.#limitedLog.warn("image-unreadable", "an image cannot be read", { error: (error as Error).message, image: image?.sha256 });
      if (image) void this.#checkImage(image.sha256);
    }
  }

  /** One after the other: the controller serves meanwhile. */
  async #checkImages(all: ReadonlySet<Sha256Hex>): Promise<void> {
    for (const sha256 of all) if (!this.#host.stopped) await this.#checkImage(sha256);
  }

  async #checkImage(sha256: Sha256Hex): Promise<void> {
    if (this.#checking.has(sha256)) return;
    this.#checking.add(sha256);
    const { fault, chunks } = await this.#options.images.check(sha256);
    this.#checking.delete(sha256);
    if (!this.#host.stopped) this.#host.deliver({ type: "image-checked", sha256, fault, chunks });
  }

  async #expectProof({ mac, sha256, nonce }: ProofQuestion): Promise<void> {
    const proof = await this.#prover.prove(this.#options.images.path(sha256), nonce, mac);
    if (!this.#host.stopped) this.#host.deliver({ type: "proof-expected", mac, sha256, nonce, proof });
  }

  #note(event: ControllerEvent): void {
    const line = controllerEventLine(event);
    if (line === undefined) return;
    if (event.type === "datagram-dropped") this.#limitedLog.write(line, event.why);
    else if (isOfSessions(event)) this.#limitedLog.write(line, event.type, sessionLines);
    else this.#options.log.write(line);
  }

  #halt(failure: Failure): void {
    this.#end();
    this.#options.onHalt(failure);
  }

  #end(): void {
    this.#host.stop();
    for (const reply of this.#replies.values()) reply(stopping);
    this.#replies.clear();
  }
}

const stopping = { result: failure("controller-stopping", "The controller is stopping; try again when it is back"), changes: [] } as const;
