/** The real TFTP machines as an AP hosts them, under a scripted agent. */
import t from "tap";
import type { MacAddress } from "../../src/base/mac-address.js";
import type { Machine } from "../../src/base/machine.js";
import type { ApEffect, ApInput } from "../../src/core/ap/contract.js";
import { TftpClient } from "../../src/core/tftp/client/client.js";
import { defaultClientSettings, defaultServerSettings, LAN_BLKSIZE, LAN_WINDOWSIZE } from "../../src/core/tftp/defaults.js";
import { TftpServer } from "../../src/core/tftp/server/server.js";
import { ApNode } from "../../src/sim/ap-node.js";
import { powerLoss } from "../../src/sim/faults.js";
import { ImageStore } from "../../src/sim/image-store.js";
import { Link, type LinkQuality, Network, perfectLink } from "../../src/sim/network.js";
import { SyntheticImage } from "../../src/sim/synthetic-image.js";
import { World } from "../../src/sim/world.js";

const image = new SyntheticImage("image", 2_000_000);
const fileName = "image.bin";

/** Gives `effects` at boot, and remembers what it is told. */
class ScriptedAgent implements Machine<ApInput, ApEffect> {
  readonly #effects: readonly ApEffect[];
  readonly #told: ApInput[];

  constructor(effects: readonly ApEffect[], told: ApInput[]) {
    this.#effects = effects;
    this.#told = told;
  }

  step(_now: number, input: ApInput, out: ApEffect[]): void {
    if (input.type === "boot") out.push(...this.#effects);
    else this.#told.push(input);
    if (input.type === "fetch-ended" && input.outcome === "complete") out.push({ type: "verify-download", downloadId: 1 });
  }

  nextWakeAt(): undefined {
    return undefined;
  }
}

function branch(aps: number, lan: Partial<LinkQuality> = {}) {
  const world = new World(5);
  const link = new Link("lan", { ...perfectLink, latencyMs: 0.5, bitsPerSecond: 2e7, queueBytes: 1e6, ...lan });
  const network = new Network(world, () => link);
  const { sha256, sizeBytes } = image;
  const server = { address: "10.1.0.1", port: 69 };
  const told: ApInput[][] = [];
  const nodes = Array.from({ length: aps }, (_, index) => {
    const name = `ap-${index + 1}`;
    const offer: ApEffect[] = [{ type: "offer", fileName, slot: "a", sizeBytes, sha256, sessionsMax: 3 }];
    const fetch: ApEffect[] = [
      { type: "open-download", downloadId: 1, slot: "b", version: "1", sizeBytes, sha256, resume: false },
      { type: "fetch", fetchId: 7, server, fileName, sizeBytes, downloadId: 1, offset: 0 },
    ];
    const heard: ApInput[] = [];
    told.push(heard);
    return new ApNode({
      world,
      network,
      facts: { name, mac: `00:00:00:00:00:0${index}` as MacAddress, model: "M", address: `10.1.0.${index + 1}` },
      store: new ImageStore(world, name, {
        known: [image],
        factory: { image, version: "1" },
        capacityBytes: 10_000_000,
        speed: { openMs: 1, writeMs: 0, verifyMs: 5, syncMs: 1 },
      }),
      machines: {
        agent: () => new ScriptedAgent(index === 0 ? offer : fetch, heard),
        server: (sessionsMax) => new TftpServer({ ...defaultServerSettings, sessionsMax }),
        client: (fetch) =>
          new TftpClient({ ...fetch, blksize: LAN_BLKSIZE, windowsize: LAN_WINDOWSIZE, timeoutSeconds: undefined }, defaultClientSettings),
      },
      controllers: [],
      secret: undefined,
      bootMs: 1000,
      isMute: () => false,
      onEvent: () => {},
    });
  });
  const outcomes = () => told.slice(1).map((heard) => heard.find((input) => input.type === "fetch-ended")?.outcome);
  const digests = () => told.slice(1).map((heard) => heard.find((input) => input.type === "download-verified")?.sha256);
  const start = () => {
    for (const node of nodes) {
      node.node.start();
      world.runFor(10);
    }
  };
  return { world, nodes, told, outcomes, digests, start };
}

t.test("three fetch at a time, the fourth is refused at once", async (t) => {
  const { world, nodes, told, outcomes, digests, start } = branch(5);
  let most = 0;
  world.observe(() => {
    most = Math.max(most, nodes[0]?.openSessions ?? 0);
  });
  start();
  world.runFor(60_000);
  t.same(outcomes(), ["complete", "complete", "complete", "busy"]);
  t.same(digests(), [image.sha256, image.sha256, image.sha256, undefined]);
  t.equal(most, 3);
  t.equal(nodes[0]?.openSessions, 0);
  const serving = told[0]?.filter((input) => input.type === "serving").at(-1);
  t.match(serving, { sessions: [], refusals: 1, bytesServed: 3 * image.sizeBytes });
  t.ok(told[1]?.some((input) => input.type === "fetch-progress"));
});

t.test("a line that loses, doubles and reorders", async (t) => {
  const { world, outcomes, digests, start } = branch(4, { loss: 0.02, duplication: 0.02, reordering: 0.05, reorderMsMax: 3 });
  start();
  world.runFor(120_000);
  t.same(outcomes(), ["complete", "complete", "complete"]);
  t.same(digests(), [image.sha256, image.sha256, image.sha256]);
});

t.test("a server that loses power leaves its clients with a time-out", async (t) => {
  const { world, nodes, outcomes, start } = branch(3);
  const [server] = nodes;
  if (server === undefined) throw new Error("no server");
  powerLoss(world, { when: () => server.openSessions === 2 }, server.node);
  start();
  world.runFor(120_000);
  t.same(outcomes(), ["timeout", "timeout"]);
});
