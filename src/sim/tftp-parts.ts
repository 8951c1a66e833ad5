import type { Endpoint } from "../base/endpoint.js";
import { InvariantError } from "../base/invariant.js";
import type { Machine } from "../base/machine.js";
import type { ClientEffect, ClientInput } from "../core/tftp/client/contract.js";
import type { ServerEffect, ServerInput, Serving, TftpSessionId } from "../core/tftp/server/contract.js";
import { blockLength, blockOffset } from "../wire/tftp/block-number.js";
import { DATA_HEADER_BYTES, opcode } from "../wire/tftp/packet.js";
import type { Network, Socket } from "./network.js";
import type { Life, MachineHost } from "./node-host.js";

/** A TFTP server machine on its listening port, with a port for each session. Twin of `runtime/tftp/server.ts`. */
export function hostTftpServer(
  life: Life,
  machine: Machine<ServerInput, ServerEffect>,
  world: {
    readonly network: Network;
    readonly listen: Endpoint;
    /** Bytes of an offered file. */
    readonly read: (fileName: string, offset: number, length: number) => Uint8Array;
    readonly serving: (serving: Serving) => void;
    /** Called with the number of sessions that have a port, whenever it changes. */
    readonly sessionCount: (count: number) => void;
  },
): MachineHost<ServerInput, ServerEffect> {
  const { network, listen } = world;
  const ports = new Map<TftpSessionId, Socket>();
  const send = (session: TftpSessionId, to: Endpoint, bytes: Uint8Array): void =>
    network.send(ports.get(session)?.local ?? listen, to, bytes);
  const host: MachineHost<ServerInput, ServerEffect> = life.host("tftp-server", machine, {
    reply: ({ to, local, bytes }) => {
      network.send({ address: local, port: listen.port }, to, bytes);
    },
    "open-session": ({ plan: { session, local } }) => {
      const port = life.bind(network, { address: local, port: 0 }, ({ from, bytes }) =>
        host.take({ type: "datagram", session, from, bytes }),
      );
      ports.set(session, port);
      world.sessionCount(ports.size);
    },
    send: ({ session, to, bytes }) => {
      send(session, to, bytes);
    },
    "send-blocks": ({ session, to, fileName, firstBlock, count, blksize, sizeBytes }) => {
      for (let block = firstBlock; block < firstBlock + count; block++) {
        const payload = world.read(fileName, blockOffset(block, blksize), blockLength(block, blksize, sizeBytes));
        send(session, to, dataPacket(block, payload));
      }
    },
    // Every file of an AP is offered.
    "look-up": () => undefined,
    "forget-file": () => undefined,
    "session-input": () => {
      throw new InvariantError("the simulator's sessions are stepped by their server");
    },
    "close-session": ({ session }) => {
      ports.get(session)?.close();
      ports.delete(session);
      world.sessionCount(ports.size);
    },
    serving: (serving) => {
      world.serving(serving);
    },
  });
  life.bind(network, listen, ({ from, to, bytes }) => host.take({ type: "request", from, local: to.address, bytes }));
  return host;
}

function dataPacket(block: number, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(DATA_HEADER_BYTES + payload.length);
  packet[1] = opcode.data;
  packet[2] = block >>> 8;
  packet[3] = block;
  packet.set(payload, DATA_HEADER_BYTES);
  return packet;
}

/** One fetch: a TFTP client machine on a port of its own. Twin of `runtime/tftp/client.ts`. */
export function hostTftpClient(
  life: Life,
  fetchName: string,
  machine: Machine<ClientInput, ClientEffect>,
  world: {
    readonly network: Network;
    readonly address: string;
    /** Stores payload and reports the outcome, at once or later. */
    readonly write: (offset: number, bytes: Uint8Array, stored: (failure: string | undefined) => void) => void;
    readonly ended: (ended: Extract<ClientEffect, { readonly type: "ended" }>) => void;
  },
): MachineHost<ClientInput, ClientEffect> {
  const { network } = world;
  const host: MachineHost<ClientInput, ClientEffect> = life.host(fetchName, machine, {
    send: ({ to, bytes }) => {
      network.send(port.local, to, bytes);
    },
    write: ({ offset, bytes }) => {
      const bytesWritten = offset + bytes.length;
      world.write(offset, bytes, (failure) =>
        life.node.world.post(host, failure === undefined ? { type: "written", bytesWritten } : { type: "storage-failed", detail: failure }),
      );
    },
    size: () => undefined,
    ended: (ended) => {
      world.ended(ended);
    },
    close: () => {
      port.close();
      life.drop(host);
    },
  });
  const port = life.bind(network, { address: world.address, port: 0 }, ({ from, bytes }) => host.take({ type: "datagram", from, bytes }));
  host.take({ type: "start" });
  return host;
}
