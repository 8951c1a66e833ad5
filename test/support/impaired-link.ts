/** A UDP proxy in front of a TFTP server that misbehaves by seed, in both directions. Peers get ports of their own, as behind a NAT. */
import { createSocket, type Socket } from "node:dgram";
import type { AddressInfo } from "node:net";
import type { Endpoint } from "../../src/base/endpoint.js";
import { Prng } from "../../src/base/prng.js";

export interface Impairment {
  readonly loss?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  /** One octet of the header changes: UDP's checksum is the proxy's own, so nobody below TFTP notices. */
  readonly corrupt?: number;
}

export interface ImpairedLink {
  /** Where clients find the server. */
  readonly endpoint: Endpoint;
  close(): Promise<void>;
}

/** Later datagrams of the same direction overtake one that is held back this long. */
const REORDER_MS = 2;

export async function openImpairedLink(server: Endpoint, address: string, impairment: Impairment, seed: number): Promise<ImpairedLink> {
  const prng = new Prng(seed);
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  const open = async (port = 0): Promise<Socket> => {
    const socket = createSocket({ type: "udp4", recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
    socket.on("error", () => {}); // ICMP from an end that has closed
    await new Promise<void>((resolve) => socket.bind(port, address, resolve));
    sockets.add(socket);
    return socket;
  };
  const carry = (bytes: Buffer, send: (bytes: Buffer) => void): void => {
    if (prng.fraction() < (impairment.loss ?? 0)) return;
    const carried = Buffer.from(bytes);
    if (prng.fraction() < (impairment.corrupt ?? 0)) {
      const at = prng.below(Math.min(4, carried.length));
      carried.writeUInt8(carried.readUInt8(at) ^ (1 << prng.below(8)), at);
    }
    const copies = prng.fraction() < (impairment.duplicate ?? 0) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (prng.fraction() >= (impairment.reorder ?? 0)) {
        send(carried);
        continue;
      }
      const timer = setTimeout(() => {
        timers.delete(timer);
        send(carried);
      }, REORDER_MS);
      timers.add(timer);
    }
  };
  let closed = false;
  const sendFrom =
    (socket: Socket, port: number, to: string) =>
    (bytes: Buffer): void => {
      if (!closed) socket.send(bytes, port, to);
    };

  const front = await open();
  /** By client: the socket that stands for it towards the server, and by the server's port the one that stands for that towards the client. */
  const behind = new Map<string, Promise<Socket>>();
  const clientSide = (port: number, from: string): Promise<Socket> => {
    const key = `${from} ${port}`;
    let made = behind.get(key);
    if (made === undefined) {
      made = open().then((towardsServer) => {
        const faces = new Map<number, Promise<Socket>>();
        towardsServer.on("message", async (bytes, remote) => {
          let face = faces.get(remote.port);
          if (face === undefined) {
            face = open().then((socket) => {
              socket.on("message", (answer) => carry(answer, sendFrom(towardsServer, remote.port, remote.address)));
              return socket;
            });
            faces.set(remote.port, face);
          }
          carry(bytes, sendFrom(await face, port, from));
        });
        return towardsServer;
      });
      behind.set(key, made);
    }
    return made;
  };
  front.on("message", async (bytes, { port, address: from }) => {
    const towardsServer = await clientSide(port, from);
    carry(bytes, sendFrom(towardsServer, server.port, server.address));
  });
  const { port } = front.address() as AddressInfo;
  return {
    endpoint: { address, port },
    close: async () => {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(Array.from(sockets, (socket) => new Promise<void>((resolve) => socket.close(resolve))));
    },
  };
}
