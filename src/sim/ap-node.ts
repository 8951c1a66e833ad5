import type { Endpoint } from "../base/endpoint.js";
import { invariant } from "../base/invariant.js";
import type { MacAddress } from "../base/mac-address.js";
import type { Machine } from "../base/machine.js";
import type { Instant } from "../base/time.js";
import type { ApEffect, ApEvent, ApInput } from "../core/ap/contract.js";
import { slotToBoot } from "../core/ap/image-slots.js";
import type { ClientEffect, ClientInput, ClientRequest } from "../core/tftp/client/contract.js";
import type { ServerEffect, ServerInput } from "../core/tftp/server/contract.js";
import { isDtls } from "../wire/capwap/dtls-record.js";
import { after } from "./faults.js";
import type { ImageStore, StorageEffect } from "./image-store.js";
import type { Network, Socket } from "./network.js";
import { type Life, type MachineHost, SimNode } from "./node-host.js";
import { LayerHost, sealed } from "./secure-link/layer-host.js";
import { StandInClient } from "./secure-link/stand-in-client.js";
import { hostTftpClient, hostTftpServer } from "./tftp-parts.js";
import type { World } from "./world.js";

export interface ApFacts {
  readonly name: string;
  readonly mac: MacAddress;
  readonly model: string;
  readonly address: string;
}

/** The machines of an AP, created for each boot. `boots` counts from 1. */
export interface ApMachines {
  readonly agent: (facts: ApFacts, boots: number) => Machine<ApInput, ApEffect>;
  readonly server: (sessionsMax: number) => Machine<ServerInput, ServerEffect>;
  readonly client: (fetch: Pick<ClientRequest, "server" | "fileName" | "sizeBytes">) => Machine<ClientInput, ClientEffect>;
}

/** The AP's side of CAPWAP and of TFTP. */
const capwapPort = 5247;
export const tftpPort = 69;
const sessionsMaxAtBoot = 3;
/** How often a fetch reports progress to its agent, in milliseconds of virtual time. */
const progressMs = 500;

/** An AP: agent, TFTP server and a TFTP client for each fetch, around one flash. */
export class ApNode {
  readonly facts: ApFacts;
  readonly store: ImageStore;
  readonly node: SimNode;
  /** Server sessions with a port of their own, as the host sees them. */
  openSessions = 0;
  powerCuts = 0;
  /** Chunks that were offered and are not what their names say. There should never be one. */
  unsoundOffers = 0;
  /** Its TFTP server sends other bytes than it has. */
  lies = false;
  readonly #world: World;
  readonly #network: Network;
  readonly #machines: ApMachines;
  readonly #controllers: readonly Endpoint[];
  readonly #secret: (() => number) | undefined;
  readonly #bootMs: number;
  readonly #isMute: (version: string) => boolean;
  readonly #onEvent: (ap: ApNode, event: ApEvent) => void;

  constructor(options: {
    readonly world: World;
    readonly network: Network;
    readonly facts: ApFacts;
    readonly store: ImageStore;
    readonly machines: ApMachines;
    readonly controllers: readonly Endpoint[];
    /** Its key, where it comes by DTLS; undefined for clear text. */
    readonly secret: (() => number) | undefined;
    /** From a reset to the first instruction after it. */
    readonly bootMs: number;
    /** Whether an image of that version gets no datagram out. */
    readonly isMute: (version: string) => boolean;
    readonly onEvent: (ap: ApNode, event: ApEvent) => void;
  }) {
    this.#world = options.world;
    this.#network = options.network;
    this.facts = options.facts;
    this.store = options.store;
    this.#machines = options.machines;
    this.#controllers = options.controllers;
    this.#secret = options.secret;
    this.#bootMs = options.bootMs;
    this.#isMute = options.isMute;
    this.#onEvent = options.onEvent;
    this.node = new SimNode(
      options.world,
      options.facts.name,
      (life) => this.#boot(life),
      () => {
        this.openSessions = 0;
        this.powerCuts++;
        this.store.crash();
      },
    );
  }

  #boot(life: Life): void {
    const { store } = this;
    const world = this.#world;
    const network = this.#network;
    const { address } = this.facts;
    const offers = new Map<string, (offset: number, length: number) => Uint8Array>();
    const chunks = new Set<string>();
    const fetches = new Map<number, MachineHost<ClientInput, ClientEffect>>();
    this.openSessions = 0;
    const state = store.boot();
    const isMute = this.#isMute(state.record.slots[slotToBoot(state.record)]?.version ?? "");
    const server = hostTftpServer(life, this.#machines.server(sessionsMaxAtBoot), {
      network,
      listen: { address, port: tftpPort },
      read: (fileName, offset, length) => {
        const bytes = offers.get(fileName)?.(offset, length) ?? new Uint8Array(length);
        return this.lies ? bytes.map((octet) => octet ^ 1) : bytes;
      },
      serving: ({ sessions, bytesServed, refusals }) => {
        world.post(agent, {
          type: "serving",
          sessions: sessions.map(({ peer, bytesDone }) => ({ peer, bytesDone })),
          bytesServed,
          refusals,
        });
      },
      sessionCount: (count) => {
        this.openSessions = count;
      },
    });
    const flash = (effect: StorageEffect): Instant | undefined => store.perform(effect, agent);
    const agent: MachineHost<ApInput, ApEffect> = life.host("agent", this.#machines.agent(this.facts, life.node.boots), {
      send: ({ to, bytes, carriage }) => {
        const datagram = carriage === "clear" ? bytes : sealed(link?.layer, bytes, to);
        if (datagram !== undefined && !isMute) network.send(socket.local, to, datagram);
      },
      "resolve-controllers": () => {
        world.post(agent, { type: "controllers-resolved", endpoints: this.#controllers });
      },
      "open-download": flash,
      "write-chunk": flash,
      "verify-download": flash,
      "check-chunk": flash,
      "commit-slot": flash,
      "discard-download": flash,
      "save-boot-record": flash,
      "measure-flash": flash,
      "check-release": () => {
        invariant(false, "simulated APs trust no root");
      },
      "save-journal": flash,
      "prove-slot": flash,
      offer: ({ fileName, slot, sizeBytes, sessionsMax }) => {
        offers.set(fileName, (offset, length) => store.readSlot(slot, offset, length));
        world.post(server, { type: "sessions-max", sessionsMax });
        world.post(server, { type: "offer", fileName, sizeBytes });
      },
      "expect-chunks": ({ fileNames, sessionsMax }) => {
        world.post(server, { type: "sessions-max", sessionsMax });
        world.post(server, { type: "expect", fileNames });
      },
      "offer-chunk": ({ fileName, imageSha256, offset: start, sizeBytes }) => {
        const file = store.fileOf(imageSha256);
        if (file === undefined) return;
        if (!store.isSound(file, fileName, start, sizeBytes)) this.unsoundOffers++;
        chunks.add(fileName);
        offers.set(fileName, (offset, length) => file.read(start + offset, length));
        world.post(server, { type: "offer", fileName, sizeBytes });
      },
      "withdraw-chunks": () => {
        world.post(server, { type: "expect", fileNames: [] });
        for (const fileName of chunks) world.post(server, { type: "withdraw", fileName });
        chunks.clear();
      },
      "keep-slots": ({ addresses }) => {
        world.post(server, { type: "keep-slots", addresses });
      },
      "limit-serving": ({ bytesPerSecondMax }) => {
        world.post(server, { type: "rate-max", bytesPerSecond: bytesPerSecondMax ?? undefined });
      },
      withdraw: ({ fileName }) => {
        world.post(server, { type: "withdraw", fileName });
      },
      fetch: ({ fetchId, server, fileName, sizeBytes, downloadId, offset: start }) => {
        let toldAt = world.now;
        const client = hostTftpClient(life, `fetch-${fetchId}`, this.#machines.client({ server, fileName, sizeBytes }), {
          network,
          address,
          write: (offset, bytes, stored) =>
            store.append(downloadId, start + offset, bytes, agent, (failure) => {
              stored(failure);
              if (failure !== undefined || world.now - toldAt < progressMs) return;
              toldAt = world.now;
              world.post(agent, { type: "fetch-progress", fetchId, bytesDone: offset + bytes.length });
            }),
          ended: ({ outcome, detail, bytesDone }) => {
            fetches.delete(fetchId);
            world.post(agent, { type: "fetch-ended", fetchId, outcome, detail, bytesDone });
          },
        });
        fetches.set(fetchId, client);
      },
      "cancel-fetch": ({ fetchId }) => {
        const client = fetches.get(fetchId);
        if (client !== undefined) world.post(client, { type: "abort" });
      },
      "open-link": ({ peer }) => {
        link?.call((layer) => layer.open(world.now, peer));
      },
      "close-link": ({ peer }) => {
        link?.call((layer) => layer.close(peer));
      },
      reboot: () => {
        life.node.stop();
        after(world, this.#bootMs, () => life.node.start());
      },
      event: ({ event }) => {
        this.#onEvent(this, event);
      },
    });
    const socket = life.bind(network, { address, port: capwapPort }, ({ from, bytes }) => {
      if (link !== undefined && isDtls(bytes)) link.call((layer) => layer.take(world.now, bytes, from));
      else agent.take({ type: "datagram", from, bytes, carriage: "clear" });
    });
    const link = this.#openLink(life, socket, agent, isMute);
    agent.take({ type: "boot", state });
  }

  #openLink(life: Life, { local }: Socket, agent: MachineHost<ApInput, ApEffect>, isMute: boolean): LayerHost<StandInClient> | undefined {
    if (this.#secret === undefined) return undefined;
    const layer = new StandInClient({
      prng: this.#world.prng.split(`${life.node.name} link ${life.node.boots}`),
      identity: this.facts.mac,
      secret: this.#secret,
      send: (datagram, to) => {
        if (!isMute) this.#network.send(local, to, datagram);
      },
      onPlaintext: (bytes, from) => agent.take({ type: "datagram", from, bytes, carriage: "dtls" }),
      onUp: (peer) => agent.take({ type: "link-up", peer }),
      onDown: (peer) => agent.take({ type: "link-down", peer }),
    });
    return life.adopt(new LayerHost(this.#world, `${life.node.name}/link`, layer));
  }
}
