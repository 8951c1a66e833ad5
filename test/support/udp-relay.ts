/**
 * Forwards UDP between clients and one server and counts, as a NAT would: each client gets a port of its own towards the server, at which
 * nobody but that server, from that very port, is heard.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type Endpoint, endpointText, sameEndpoint } from "../../src/base/endpoint.js";

const bufferBytes = 4 * 2 ** 20;

export class UdpRelay {
  /** UDP payload from the server to its clients. */
  bytesDown = 0;
  /** Sees every datagram before it is forwarded. */
  observe: (way: "up" | "down", bytes: Uint8Array, client: Endpoint) => void = () => {};
  /** Whether a datagram arrives; a lossy link says no. */
  passes: (way: "up" | "down", client: Endpoint) => boolean = () => true;
  readonly #front: Socket;
  readonly #address: string;
  readonly #ways = new Map<string, Socket>();
  /** Undefined while there is none: then what comes is lost. */
  #server: Endpoint | undefined;

  private constructor(front: Socket, address: string) {
    this.#front = front;
    this.#address = address;
    front.on("message", (bytes, from) => {
      this.observe("up", bytes, from);
      if (this.#server !== undefined && this.passes("up", from)) this.#wayOf(from).send(bytes, this.#server.port, this.#server.address);
    });
  }

  static async open(address: string): Promise<UdpRelay> {
    const front = createSocket({ type: "udp4", recvBufferSize: bufferBytes });
    front.bind(0, address);
    await once(front, "listening");
    return new UdpRelay(front, address);
  }

  get local(): Endpoint {
    const { address, port } = this.#front.address();
    return { address, port };
  }

  set server(endpoint: Endpoint) {
    this.#server = endpoint;
  }

  close(): void {
    this.#front.close();
    for (const way of this.#ways.values()) way.close();
  }

  #wayOf(client: Endpoint): Socket {
    const key = endpointText(client);
    let way = this.#ways.get(key);
    if (way === undefined) {
      way = createSocket({ type: "udp4", recvBufferSize: bufferBytes });
      // The server is away for a while; its clients repeat themselves.
      way.on("error", () => {});
      way.bind(0, this.#address);
      way.on("message", (bytes, { address, port }) => {
        if (this.#server === undefined || !sameEndpoint({ address, port }, this.#server)) return;
        this.bytesDown += bytes.length;
        this.observe("down", bytes, client);
        if (!this.passes("down", client)) return;
        this.#front.send(bytes, client.port, client.address);
      });
      this.#ways.set(key, way);
    }
    return way;
  }
}
