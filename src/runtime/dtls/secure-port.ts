/** The CAPWAP control port of a daemon: datagrams in clear and, with a DTLS layer above the socket, those of its links. */
import type { Endpoint } from "../../base/endpoint.js";
import type { Instant } from "../../base/time.js";
import type { Carriage, LinkLayer } from "../../core/capwap/link/secure-link.js";
import { isDtls, recordPlaintextBytesMax } from "../../wire/capwap/dtls-record.js";
import type { Clock } from "../clock.js";
import { DatagramBuffers } from "../udp/datagram-buffers.js";
import type { UdpPort } from "../udp/udp-ports.js";

/** `DtlsServer` or `DtlsClient`. */
export interface DtlsLayer extends LinkLayer {
  closeAll(): void;
}

export interface SecurePortOptions<Layer extends DtlsLayer> {
  readonly clock: Clock;
  /** A datagram in clear, a DTLS record where there is no layer included. */
  readonly onClear: (bytes: Uint8Array, from: Endpoint) => void;
  /** Counts each datagram as it goes over the port. */
  readonly onCarried?: (direction: "received" | "sent", octets: number) => void;
  /** Makes the layer above `send`; undefined for clear text alone. */
  readonly layer: ((send: (datagram: Uint8Array, to: Endpoint) => void) => Layer) | undefined;
}

export interface SecureSend {
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  readonly carriage: Carriage;
}

/** The range of an image behind a datagram's own bytes. */
export interface ImageTail {
  readonly length: number;
  /** Fills `into`, which has that length. */
  readonly readInto: (into: Uint8Array) => void;
}

export class SecurePort<Layer extends DtlsLayer = DtlsLayer> {
  readonly layer: Layer | undefined;
  readonly #clock: Clock;
  readonly #onClear: (bytes: Uint8Array, from: Endpoint) => void;
  readonly #onCarried: (direction: "received" | "sent", octets: number) => void;
  readonly #buffers = new DatagramBuffers();
  readonly #plaintext = Buffer.allocUnsafe(recordPlaintextBytesMax);
  #port: UdpPort | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt: Instant = Number.POSITIVE_INFINITY;

  /** @throws Error when the layer's credentials cannot be used */
  constructor({ clock, onClear, onCarried = () => {}, layer }: SecurePortOptions<Layer>) {
    this.#clock = clock;
    this.#onClear = onClear;
    this.#onCarried = onCarried;
    this.layer = layer?.((datagram, to) => {
      onCarried("sent", datagram.length);
      this.#port?.sendParts([datagram], to);
    });
  }

  /** From now on datagrams leave by this port. */
  attach(port: UdpPort): void {
    this.#port = port;
  }

  /** What the port received. `bytes` is the port's to keep. */
  take(bytes: Uint8Array, from: Endpoint): void {
    this.#onCarried("received", bytes.length);
    if (this.layer === undefined || !isDtls(bytes)) {
      this.#onClear(bytes, from);
      return;
    }
    this.layer.take(this.#clock.now(), bytes, from);
    this.arm();
  }

  /** What has no link to go by is lost, as it may be on its way. @throws what reading the image throws */
  send({ to, bytes, carriage }: SecureSend, image?: ImageTail): void {
    if (carriage === "dtls") {
      const buffer = this.#buffers.take();
      const sealed = this.layer?.seal(image === undefined ? bytes : joined(bytes, image, this.#plaintext), to, buffer);
      if (sealed === undefined) this.#buffers.giveBack(buffer);
      else this.#sendBuffer(sealed, to, buffer);
    } else if (image === undefined) {
      this.#onCarried("sent", bytes.length);
      this.#port?.send(bytes, to);
    } else {
      const buffer = this.#buffers.take();
      this.#sendBuffer(joined(bytes, image, buffer), to, buffer);
    }
  }

  closeLink(peer: Endpoint): void {
    this.layer?.close(peer);
  }

  /** Due after each call on the layer from elsewhere. */
  arm(): void {
    const at = this.layer?.nextWakeAt();
    if (at === undefined || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, Math.ceil(at - this.#clock.now())));
  }

  /** Tells the peers of all links, then nothing is sent any more. The UDP port stays the caller's. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.NEGATIVE_INFINITY;
    this.layer?.closeAll();
    this.#port = undefined;
  }

  #wake(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.layer?.wake(this.#clock.now());
    this.arm();
  }

  #sendBuffer(datagram: Uint8Array, to: Endpoint, buffer: Buffer): void {
    this.#onCarried("sent", datagram.length);
    this.#port?.sendParts([datagram], to, () => this.#buffers.giveBack(buffer));
  }
}

function joined(head: Uint8Array, image: ImageTail, into: Uint8Array): Uint8Array {
  const length = head.length + image.length;
  into.set(head);
  image.readInto(into.subarray(head.length, length));
  return into.subarray(0, length);
}
