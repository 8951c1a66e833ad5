/** A TFTP server of this process with one file, fetches from it, and datagrams by hand. */
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import type { Endpoint } from "../../src/base/endpoint.js";
import type { ServerSettings } from "../../src/core/tftp/server/contract.js";
import { systemClock } from "../../src/runtime/clock.js";
import { startTftpFetch, type TftpFetchOptions } from "../../src/runtime/tftp/client.js";
import { openTftpServer, type RunningTftpServer } from "../../src/runtime/tftp/server.js";
import { temporaryFolder } from "./folder.js";

const failOnBug = (error: unknown): void => {
  throw error;
};

/** `image` is offered as `image` by every server. */
export function tftpEnds(t: Pick<Test, "teardown">) {
  const folder = temporaryFolder(t);
  const image = randomBytes(600_000);
  const path = join(folder, "image");
  writeFileSync(path, image);

  const serve = async (
    t: Pick<Test, "teardown">,
    engine: "auto" | "plain",
    address: string,
    settings: Partial<ServerSettings> = {},
  ): Promise<RunningTftpServer> => {
    const opened = await openTftpServer({ listen: { address, port: 0 }, engine, settings, clock: systemClock, onFatal: failOnBug });
    if (!opened.ok) throw new Error(opened.failure.message);
    t.teardown(() => opened.value.close());
    const offered = await opened.value.offer("image", { path });
    if (!offered.ok) throw new Error(offered.failure.message);
    return opened.value;
  };
  return { folder, image, path, sha256: createHash("sha256").update(image).digest("hex"), serve, fetch, exchange, failOnBug };
}

/** Fetches into memory. */
function fetch(server: Endpoint, options: Partial<TftpFetchOptions> = {}) {
  const chunks: Uint8Array[] = [];
  const running = startTftpFetch({
    server,
    fileName: "image",
    clock: systemClock,
    settings: { dallyMs: 10 },
    sink: { write: async (_offset, more) => void chunks.push(...more.map((chunk) => Uint8Array.from(chunk))) },
    onFatal: failOnBug,
    ...options,
  });
  return { ...running, bytes: () => Buffer.concat(chunks) };
}

/** One datagram and what comes back: the answers that are there once one is. @throws Error where none comes in half a minute */
async function exchange(to: Endpoint, bytes: Uint8Array | string, from = "127.0.0.1"): Promise<{ bytes: Buffer; from: Endpoint }[]> {
  const socket = createSocket(to.address.includes(":") ? "udp6" : "udp4");
  const answers: { bytes: Buffer; from: Endpoint }[] = [];
  socket.on("message", (answer, { address, port }) => answers.push({ bytes: answer, from: { address, port } }));
  await new Promise<void>((resolve) => socket.bind(0, to.address.includes(":") ? "::1" : from, resolve));
  socket.send(bytes, to.port, to.address);
  for (const since = performance.now(); answers.length === 0; await new Promise((resolve) => setTimeout(resolve, 10)))
    if (performance.now() - since > 30_000) throw new Error("no answer");
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return answers;
}
