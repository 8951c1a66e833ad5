/**
 * A controller that only sends one image to every AP that joins, with the real CAPWAP code. Started by `bench/wan.ts` in a
 * network namespace of its own; prints one JSON line a second and one for each transfer that ends.
 *
 *     wan-controller ADDRESS PORT IMAGE_FILE
 */
import { createHash, randomBytes } from "node:crypto";
import { openSync, readFileSync, readSync } from "node:fs";
import type { Endpoint } from "../../src/base/endpoint.js";
import type { Wake } from "../../src/base/machine.js";
import { sha256HexOf } from "../../src/base/sha256.js";
import type { AcOutput, CapwapSessionId } from "../../src/core/capwap/ac/ac-contract.js";
import { AccessController } from "../../src/core/capwap/ac/access-controller.js";
import type { SendDatagram } from "../../src/core/capwap/contract.js";
import { systemClock } from "../../src/runtime/clock.js";
import { Host } from "../../src/runtime/host.js";
import { openUdpPort } from "../../src/runtime/udp/udp-ports.js";
import { defaultTimers } from "../../src/wire/capwap/defaults.js";
import { flexupEnterprise } from "../../src/wire/capwap/vendor.js";

const [address = "", port = "", file = ""] = process.argv.slice(2);
const bytes = readFileSync(file);
const descriptor = openSync(file, "r");
const digest = (name: string): Uint8Array => createHash(name).update(bytes).digest();
const facts = { sizeBytes: bytes.length, md5: digest("md5"), sha256: sha256HexOf(digest("sha256")) };
const identifier = { vendor: flexupEnterprise, name: "bench" };

type Input = { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array };

const began = new Map<CapwapSessionId, number>();
const delivered = new Map<CapwapSessionId, number>();
let wireBytes = 0;

const ac = new AccessController<null>(
  {
    name: "bench",
    addresses: [address],
    hardwareVersion: "1",
    softwareVersion: "1",
    linkMode: "clear",
    timers: defaultTimers,
    sessionsMax: 1000,
  },
  { admits: () => ({ resultCode: 0 }), admit: () => {}, wtpFallback: () => "enabled", sessionToken: () => randomBytes(16) },
);

let toldAt = 0;

/** At most once a second. */
function tellProgress(now: number, bytesDone: number): void {
  if (now - toldAt < 1000) return;
  toldAt = now;
  process.stdout.write(`${JSON.stringify({ bytesDone })}\n`);
}

function take(now: number, output: AcOutput<null>, out: SendDatagram[]): void {
  const again = (work: (outputs: AcOutput<null>[]) => void): void => {
    const outputs: AcOutput<null>[] = [];
    work(outputs);
    for (const each of outputs) take(now, each, out);
  };
  if (output.type === "send") out.push(output);
  else if (output.type === "running") {
    const request = { type: "configurationUpdateRequest", elements: { imageIdentifier: identifier } } as const;
    again((outputs) => ac.request(now, output.session, request, null, outputs));
  } else if (output.type === "image-wanted") {
    began.set(output.session, now);
    again((outputs) => ac.answerImage(now, output.session, { type: "transfer", ...facts }, outputs));
  } else if (output.type === "transfer-progress" || output.type === "transfer-ended") {
    // Up to the last progress report: the rate of the transfer itself, without the final verification.
    if (output.bytesDone >= facts.sizeBytes - 65_536 && !delivered.has(output.session)) delivered.set(output.session, now);
    if (output.type === "transfer-progress") {
      tellProgress(now, output.bytesDone);
      return;
    }
    const start = began.get(output.session) ?? now;
    const line = {
      outcome: output.outcome.type,
      seconds: (now - start) / 1000,
      secondsToDisk: ((delivered.get(output.session) ?? now) - start) / 1000,
      payloadBytes: output.bytesSent,
      wireBytes,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

const host = new Host<Input, SendDatagram>({
  machine: {
    step(now: number, input: Input | Wake, out: SendDatagram[]): void {
      const outputs: AcOutput<null>[] = [];
      if (input.type === "wake") ac.wake(now, outputs);
      else ac.datagram(now, { from: input.from, bytes: input.bytes, carriage: "clear" }, outputs);
      for (const output of outputs) take(now, output, out);
    },
    nextWakeAt: () => ac.nextWakeAt(),
  },
  clock: systemClock,
  perform({ to, bytes, image }): void {
    wireBytes += bytes.length + (image?.length ?? 0);
    if (image === undefined) opened.send(bytes, to);
    else {
      const part = Buffer.allocUnsafe(image.length);
      readSync(descriptor, part, 0, image.length, image.offset);
      opened.sendParts([bytes, part], to);
    }
  },
  onFatal: (error) => {
    throw error;
  },
});
const socket = await openUdpPort({
  address,
  port: Number(port),
  bufferBytes: 4 * 2 ** 20,
  onDatagram: (datagram, from) => host.deliver({ type: "datagram", from, bytes: datagram }),
  onError: (error) => process.stderr.write(`${error.message}\n`),
});
if (!socket.ok) throw new Error(socket.failure.message);
const opened = socket.value;
process.stdout.write("ready\n");
