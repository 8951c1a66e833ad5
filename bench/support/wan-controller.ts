/**
 * A controller that only sends one image to every AP that joins, with the real CAPWAP code. Started by `bench/wan.ts` in a
 * network namespace of its own; prints one JSON line a second and one for each transfer that ends.
 *
 *     wan-controller ADDRESS PORT IMAGE_FILE [JOIN_TOKEN_FILE]
 *
 * With a join token the APs come by DTLS.
 */
import { createHash, randomBytes } from "node:crypto";
import { openSync, readFileSync, readSync } from "node:fs";
import type { Endpoint } from "../../src/base/endpoint.js";
import type { MacAddress } from "../../src/base/mac-address.js";
import type { Wake } from "../../src/base/machine.js";
import { sha256HexOf } from "../../src/base/sha256.js";
import type { AcOutput, CapwapSessionId } from "../../src/core/capwap/ac/ac-contract.js";
import { AccessController } from "../../src/core/capwap/ac/access-controller.js";
import type { SendDatagram } from "../../src/core/capwap/contract.js";
import type { Carriage, LinkIdentity } from "../../src/core/capwap/link/secure-link.js";
import { requireDtls } from "../../src/daemon/link-options.js";
import { systemClock } from "../../src/runtime/clock.js";
import { keyFromJoinToken, readJoinToken } from "../../src/runtime/dtls/credentials.js";
import { DtlsServer } from "../../src/runtime/dtls/dtls-server.js";
import { SecurePort } from "../../src/runtime/dtls/secure-port.js";
import { Host } from "../../src/runtime/host.js";
import { openUdpPort } from "../../src/runtime/udp/udp-ports.js";
import { defaultTimers } from "../../src/wire/capwap/defaults.js";
import { flexupEnterprise } from "../../src/wire/capwap/vendor.js";

const [address = "", port = "", file = "", joinTokenFile] = process.argv.slice(2);
const bytes = readFileSync(file);
const descriptor = openSync(file, "r");
const digest = (name: string): Uint8Array => createHash(name).update(bytes).digest();
const facts = { sizeBytes: bytes.length, md5: digest("md5"), sha256: sha256HexOf(digest("sha256")) };
const identifier = { vendor: flexupEnterprise, name: "bench" };

type Input =
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array; readonly carriage: Carriage }
  | { readonly type: "link-up"; readonly peer: Endpoint; readonly identity: LinkIdentity };

const began = new Map<CapwapSessionId, number>();
const delivered = new Map<CapwapSessionId, number>();
let wireBytes = 0;

const ac = new AccessController<null>(
  {
    name: "bench",
    addresses: [address],
    hardwareVersion: "1",
    softwareVersion: "1",
    linkMode: joinTokenFile === undefined ? "clear" : "dtls",
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
      else if (input.type === "link-up") ac.linkUp(now, input.peer, input.identity);
      else ac.datagram(now, input, outputs);
      for (const output of outputs) take(now, output, out);
    },
    nextWakeAt: () => ac.nextWakeAt(),
  },
  clock: systemClock,
  perform(datagram): void {
    const { image } = datagram;
    wireBytes += datagram.bytes.length + (image?.length ?? 0);
    if (image === undefined) secure.send(datagram);
    else {
      const readInto = (into: Uint8Array): number => readSync(descriptor, into, 0, into.length, image.offset);
      secure.send(datagram, { length: image.length, readInto });
    }
  },
  onFatal: (error) => {
    throw error;
  },
});
const secure = new SecurePort<DtlsServer>({
  clock: systemClock,
  onClear: (bytes, from) => host.deliver({ type: "datagram", from, bytes, carriage: "clear" }),
  layer: joinTokenFile === undefined ? undefined : (send) => dtlsServer(joinTokenFile, send),
});

function dtlsServer(tokenFile: string, send: (datagram: Uint8Array, to: Endpoint) => void): DtlsServer {
  const [addon, token] = [requireDtls(), readJoinToken(tokenFile)];
  if (!addon.ok || !token.ok) throw new Error("no DTLS");
  const keyOf = (identity: string): Uint8Array | undefined => keyFromJoinToken(token.value, identity as MacAddress);
  return new DtlsServer({
    addon: addon.value,
    credentials: { keyOf },
    send,
    onPlaintext: (bytes, from) => host.deliver({ type: "datagram", from, bytes, carriage: "dtls" }),
    onUp: (peer, identity) => host.deliver({ type: "link-up", peer, identity }),
    onDown: () => {},
    onHandshake: () => {},
  });
}

const socket = await openUdpPort({
  address,
  port: Number(port),
  bufferBytes: 4 * 2 ** 20,
  onDatagram: (datagram, from) => secure.take(datagram, from),
  onError: (error) => process.stderr.write(`${error.message}\n`),
});
if (!socket.ok) throw new Error(socket.failure.message);
secure.attach(socket.value);
process.stdout.write("ready\n");
