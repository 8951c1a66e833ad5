/** A DTLS server and its clients without sockets: datagrams cross a wire that may lose, repeat, hold and record them. */
import type { Endpoint } from "../../src/base/endpoint.js";
import { endpointText } from "../../src/base/endpoint.js";
import type { LinkIdentity } from "../../src/core/capwap/link/secure-link.js";
import { type ClientCredentials, type DtlsAddon, loadDtls, type ServerCredentials } from "../../src/runtime/dtls/addon.js";
import { DtlsClient } from "../../src/runtime/dtls/dtls-client.js";
import { DtlsServer } from "../../src/runtime/dtls/dtls-server.js";

export const addon = loadDtls() as DtlsAddon;
export const skipWithoutDtls = addon === undefined && "the DTLS add-on is not built here";

export const apKey = Buffer.alloc(32, 7);
export const apMac = "00:0a:b8:00:00:01";
export const apAt: Endpoint = { address: "192.0.2.1", port: 5000 };
const controllerAt: Endpoint = { address: "192.0.2.254", port: 5246 };

export interface Crossing {
  readonly toServer: boolean;
  readonly peer: Endpoint;
  readonly bytes: Uint8Array;
}

export class DtlsWire {
  readonly server: DtlsServer;
  readonly happened: string[] = [];
  readonly clients = new Map<string, DtlsClient>();
  /** Everything that was sent, lost or not. */
  readonly sent: Crossing[] = [];
  /** Datagrams that arrive instead of one that was sent: none, itself, it twice, another. */
  fate: (crossing: Crossing) => readonly Uint8Array[] = ({ bytes }) => [bytes];
  /** How far both ends' clocks run ahead of OpenSSL's. */
  aheadMs = 0;
  readonly #waiting: Crossing[] = [];
  #identities: LinkIdentity[] = [];

  constructor(credentials: ServerCredentials = { keyOf: (identity) => (identity === apMac ? apKey : undefined) }) {
    this.server = new DtlsServer({
      addon,
      credentials,
      send: (bytes, to) => this.#cross({ toServer: false, peer: to, bytes }),
      onPlaintext: (bytes, from) => this.happened.push(`server ${endpointText(from)} heard ${Buffer.from(bytes)}`),
      onUp: (peer, identity) => {
        this.#identities.push(identity);
        this.happened.push(`server ${endpointText(peer)} up ${identity.mac} ${identity.by}`);
      },
      onDown: (peer, reason) => this.happened.push(`server ${endpointText(peer)} down: ${reason}`),
      onHandshake: (outcome, _peer, identity) => {
        if (outcome !== "established") this.happened.push(`handshake ${outcome} ${identity}`);
      },
    });
  }

  /** A client at an address; a second one there is the rebooted first. */
  client(credentials: ClientCredentials = { identity: apMac, key: apKey }, at: Endpoint = apAt): DtlsClient {
    const name = `client ${endpointText(at)}`;
    const client = new DtlsClient({
      addon,
      credentials,
      send: (bytes) => this.#cross({ toServer: true, peer: at, bytes }),
      onPlaintext: (bytes) => this.happened.push(`${name} heard ${Buffer.from(bytes)}`),
      onUp: (_peer, suite) => this.happened.push(`${name} up ${suite}`),
      onDown: (_peer, reason) => this.happened.push(`${name} down: ${reason}`),
    });
    this.clients.set(endpointText(at), client);
    return client;
  }

  open(client: DtlsClient): void {
    client.open(this.#now(), controllerAt);
    this.settle();
  }

  /** Lets everything arrive that was sent. */
  settle(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.deliver(next);
  }

  deliver({ toServer, peer, bytes }: Crossing): boolean {
    const copy = Uint8Array.from(bytes);
    if (toServer) return this.server.take(this.#now(), copy, peer);
    return this.clients.get(endpointText(peer))?.take(this.#now(), copy, controllerAt) ?? false;
  }

  say(text: string, from: DtlsClient | DtlsServer, peer: Endpoint = apAt): void {
    const toServer = from instanceof DtlsClient;
    const bytes = from.seal(Buffer.from(text), toServer ? controllerAt : peer, Buffer.alloc(2_000));
    if (bytes === undefined) this.happened.push(`no link for ${text}`);
    else this.#cross({ toServer, peer, bytes });
    this.settle();
  }

  /** Real time passes, since OpenSSL reads the clock itself, until `done` or for so long. */
  async pass(milliseconds: number, done: () => boolean = () => false): Promise<void> {
    const until = now() + milliseconds;
    while (now() < until && !done()) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      this.server.wake(now());
      for (const client of this.clients.values()) client.wake(now());
      this.settle();
    }
  }

  /** What happened since the last look. */
  news(): string[] {
    return this.happened.splice(0);
  }

  #now(): number {
    return now() + this.aheadMs;
  }

  #cross(crossing: Crossing): void {
    this.sent.push(crossing);
    for (const bytes of this.fate(crossing)) this.#waiting.push({ ...crossing, bytes });
  }
}

export const now = (): number => performance.timeOrigin + performance.now();
