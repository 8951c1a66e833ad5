/** One image from a controller to one AP, and the same bytes by HTTP over TCP, over a `WanLine` or loopback. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LinkMode } from "../../src/core/capwap/link/secure-link.js";
import { lineOf, type Program, startProgram, stopProgram } from "./processes.js";
import type { WanLine } from "./wan-line.js";

const controllerScript = fileURLToPath(new URL("./wan-controller.js", import.meta.url));
const flexup = fileURLToPath(new URL("../../../bin/flexup.js", import.meta.url));
const capwapPort = 5246;
const httpPort = 8080;

export interface Figures {
  readonly seconds: number;
  readonly bytes: number;
}

/** What `wan-controller` prints at the end. */
export interface Ended {
  readonly outcome: string;
  readonly seconds: number;
  /** Without the AP's final verification. */
  readonly secondsToDisk: number;
  readonly payloadBytes: number;
  readonly wireBytes: number;
}

export interface Pair {
  readonly controller: Program;
  stop(): Promise<void>;
}

export class Transfers {
  readonly #folder: string;
  readonly #joinTokenFile: string | undefined;
  #aps = 0;

  /**
   * @param folder for images and the AP's data
   * @param link the transfers' way
   */
  constructor(folder: string, link: LinkMode = "clear") {
    this.#folder = folder;
    this.#joinTokenFile = link === "clear" ? undefined : join(folder, "join-token");
    if (this.#joinTokenFile !== undefined) writeFileSync(this.#joinTokenFile, randomBytes(32).toString("hex"));
  }

  /** A controller with one image, and an AP that fetches it. @param line undefined for loopback */
  async startPair(bytes: number, fast: boolean, line: WanLine | undefined): Promise<Pair> {
    const index = ++this.#aps;
    const [controllerAddress, ownAddress] =
      line === undefined ? ["127.56.0.1", "127.56.0.2"] : [line.spaces.addresses.ac, line.spaces.addresses.ap];
    const image = this.#imageFile(bytes);
    const controller = startProgram(
      line?.spaces.around("ac") ?? [],
      process.execPath,
      controllerScript,
      controllerAddress,
      `${capwapPort}`,
      image,
      ...(this.#joinTokenFile === undefined ? [] : [this.#joinTokenFile]),
    );
    await lineOf(controller, (text) => text === "ready", 10);
    const data = join(this.#folder, `ap-${index}`);
    mkdirSync(data);
    const facts = {
      data,
      name: `bench-${index}`,
      mac: `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`,
      model: "AIR-AP2802I",
      version: "1.0",
      bind: ownAddress,
      controller: `${controllerAddress}:${capwapPort}`,
      "tftp-port": "0",
      log: "error",
    };
    const words = Object.entries(facts).flatMap(([name, value]) => [`--${name}`, value]);
    const ap = startProgram(
      line?.spaces.around("ap") ?? [],
      process.execPath,
      flexup,
      "ap",
      ...words,
      "--lab",
      ...(this.#joinTokenFile === undefined ? ["--dtls", "off"] : ["--join-token-file", this.#joinTokenFile]),
      ...(fast ? [] : ["--no-fast-transfer"]),
    );
    return {
      controller,
      async stop() {
        await stopProgram(ap);
        await stopProgram(controller);
        rmSync(data, { recursive: true, force: true });
      },
    };
  }

  /** @throws Error if the image does not arrive within `secondsMax` */
  async flexup(bytes: number, fast: boolean, line: WanLine | undefined, secondsMax: number): Promise<Ended> {
    const pair = await this.startPair(bytes, fast, line);
    try {
      const ended = JSON.parse(await lineOf(pair.controller, (text) => text.startsWith('{"outcome"'), secondsMax)) as Ended;
      if (ended.outcome !== "complete") throw new Error(`transfer ended ${ended.outcome}`);
      return ended;
    } finally {
      await pair.stop();
    }
  }

  /** HTTP with curl, cut off after `secondsMax`. @returns undefined where the kernel lacks that congestion control */
  async tcp(bytes: number, congestionControl: string, line: WanLine, secondsMax: number): Promise<Figures | undefined> {
    if (!line.setCongestionControl(congestionControl)) return undefined;
    const { addresses } = line.spaces;
    const server = startProgram(line.spaces.around("ac"), process.execPath, "-e", httpServer(addresses.ac, this.#imageFile(bytes)));
    try {
      await lineOf(server, (text) => text === "ready", 10);
      const url = `http://${addresses.ac}:${httpPort}/`;
      const print = "%{size_download} %{time_total}\n";
      const curl = startProgram(line.spaces.around("ap"), "curl", "-s", "-o", "/dev/null", "--max-time", `${secondsMax}`, "-w", print, url);
      const [size = "0", seconds = "1"] = (await lineOf(curl, (text) => text !== "", secondsMax + 10)).split(" ");
      return { bytes: Number(size), seconds: Number(seconds) };
    } finally {
      await stopProgram(server);
    }
  }

  #imageFile(bytes: number): string {
    const path = join(this.#folder, `image-${bytes}`);
    if (!existsSync(path)) writeFileSync(path, Buffer.alloc(bytes, "flexup benchmark image, not to be guessed ".repeat(97)));
    return path;
  }
}

const httpServer = (address: string, file: string): string =>
  `require("http").createServer((_, answer) => require("fs").createReadStream(${JSON.stringify(file)}).pipe(answer))
    .listen(${httpPort}, ${JSON.stringify(address)}, () => console.log("ready"))`;
