/** The AP's DTLS layer: one association, with the controller that it chose. */
import { type Endpoint, sameEndpoint } from "../../base/endpoint.js";
import type { Instant } from "../../base/time.js";
import { dtlsHeader, readDtlsDatagram } from "../../wire/capwap/dtls-record.js";
import type { ClientCredentials, DtlsAddon, DtlsContext } from "./addon.js";
import { Association, type AssociationStep } from "./association.js";

export interface DtlsClientOptions {
  readonly addon: DtlsAddon;
  readonly credentials: ClientCredentials;
  readonly send: (datagram: Uint8Array, to: Endpoint) => void;
  readonly onPlaintext: (bytes: Uint8Array, from: Endpoint) => void;
  readonly onUp: (peer: Endpoint, suite: string) => void;
  /** The handshake failed or the association ended. Not called for a `close` of ours. */
  readonly onDown: (peer: Endpoint, reason: string) => void;
}

interface Controller {
  readonly endpoint: Endpoint;
  readonly association: Association;
}

export class DtlsClient {
  readonly #options: DtlsClientOptions;
  #context: DtlsContext;
  #controller: Controller | undefined;
  #wakeAt: Instant | undefined;

  /** @throws Error when a certificate, key or authority cannot be used */
  constructor(options: DtlsClientOptions) {
    this.#options = options;
    this.#context = options.addon.client(options.credentials);
  }

  nextWakeAt(): Instant | undefined {
    return this.#wakeAt;
  }

  wake(now: Instant): void {
    const controller = this.#controller;
    if (controller === undefined || this.#wakeAt === undefined || now < this.#wakeAt) return;
    this.#onStep(now, controller, controller.association.wake());
  }

  /** Begins a handshake with a controller and closes the association with any other. */
  open(now: Instant, endpoint: Endpoint): void {
    const { addon, send } = this.#options;
    this.#controller?.association.close();
    const link = addon.connect(this.#context, dtlsHeader);
    const association = new Association(addon, link, dtlsHeader.length, (datagram) => send(datagram, endpoint));
    const controller = { endpoint, association };
    this.#controller = controller;
    this.#onStep(now, controller, association.begin());
  }

  /**
   * Applies a new certificate or revocation list to the next handshake and to the current association, which ends if the controller's
   * certificate no longer verifies.
   * @throws Error when a certificate, key or authority cannot be used; the previous one stays in use
   */
  renew(credentials: ClientCredentials): void {
    this.#context = this.#options.addon.client(credentials);
    const controller = this.#controller;
    if (controller === undefined || controller.association.isTrustedBy(this.#context)) return;
    controller.association.close();
    this.#forget();
    this.#options.onDown(controller.endpoint, "the controller's certificate no longer verifies");
  }

  /** Ends the association with this controller, if there is one. */
  close(endpoint: Endpoint): void {
    if (this.#controller === undefined || !sameEndpoint(this.#controller.endpoint, endpoint)) return;
    this.#controller.association.close();
    this.#forget();
  }

  closeAll(): void {
    this.#controller?.association.close();
    this.#forget();
  }

  /** @param datagram is overwritten with its plaintext. @returns false if it was ignored */
  take(now: Instant, datagram: Uint8Array, from: Endpoint): boolean {
    const controller = this.#controller;
    const dtls = readDtlsDatagram(datagram);
    if (dtls === undefined || controller === undefined || !sameEndpoint(controller.endpoint, from)) return false;
    this.#onStep(now, controller, controller.association.receive(dtls.records));
    return true;
  }

  seal(plaintext: Uint8Array, to: Endpoint, into: Uint8Array): Uint8Array | undefined {
    if (this.#controller === undefined || !sameEndpoint(this.#controller.endpoint, to)) return undefined;
    return this.#controller.association.seal(plaintext, into);
  }

  #onStep(now: Instant, controller: Controller, { established, ended, plaintexts }: AssociationStep): void {
    const { endpoint, association } = controller;
    const { wakeInMs } = association;
    this.#wakeAt = wakeInMs === undefined ? undefined : now + wakeInMs;
    if (established) this.#options.onUp(endpoint, association.description.suite ?? "");
    for (const plaintext of plaintexts) this.#options.onPlaintext(plaintext, endpoint);
    if (ended === undefined || this.#controller !== controller) return;
    association.forget();
    this.#forget();
    this.#options.onDown(endpoint, ended);
  }

  #forget(): void {
    this.#controller = undefined;
    this.#wakeAt = undefined;
  }
}
