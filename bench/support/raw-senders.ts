/** How much this machine can send without any protocol: the limit to compare the TFTP figures with. */
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { fileURLToPath } from "node:url";
import { runProgram } from "../../test/support/tftp-peers.js";

const LIMIT_MS = 60_000;

export interface RawLimit {
  readonly sender: string;
  /** Octets of payload per microsecond; NaN where it could not be measured. */
  readonly megabytesPerSecond: number;
}

const nodeSender = `
  const [address, port, packetBytes, packets] = process.argv.slice(1);
  const socket = require("node:dgram").createSocket("udp4"), packet = Buffer.alloc(Number(packetBytes));
  let left = Number(packets), waiting = 0, startedAt;
  const sent = () => {
    if (--waiting === 0 && left > 0) burst();
    else if (waiting === 0) {
      console.log((performance.now() - startedAt) / 1000);
      socket.close();
    }
  };
  const burst = () => {
    waiting = Math.min(64, left);
    left -= waiting;
    for (let count = waiting; count > 0; count--) socket.send(packet, sent);
  };
  socket.connect(Number(port), address, () => {
    startedAt = performance.now();
    burst();
  });`;

/** Undefined, with a line on the console, if there is no compiler. */
function compiledSender(folder: string): string | undefined {
  const program = `${folder}/udp-sender`;
  const source = fileURLToPath(new URL("../../../bench/support/udp-sender.c", import.meta.url));
  const { error, status, stderr } = spawnSync(process.env["CC"] ?? "cc", ["-O2", "-o", program, source], { encoding: "utf8" });
  if (status === 0) return program;
  console.log(`the C sender is left out: ${error?.message ?? stderr}`);
  return undefined;
}

/** Packets of `payloadBytes` and a TFTP header, made once and sent repeatedly to a socket that nobody reads. */
export async function rawLimits(folder: string, payloadBytes: number, totalBytes: number): Promise<RawLimit[]> {
  const receiver = createSocket("udp4");
  await new Promise<void>((resolve) => receiver.bind(0, "127.0.0.1", resolve));
  const packets = Math.ceil(totalBytes / payloadBytes);
  const args = ["127.0.0.1", String(receiver.address().port), String(payloadBytes + 4), String(packets)];
  const program = compiledSender(folder);
  const limits: RawLimit[] = [];
  for (const [sender, command] of [
    ["a bare Node sender", [process.execPath, "-e", nodeSender, ...args]],
    ["a C sendmmsg sender", program === undefined ? undefined : [program, ...args]],
  ] as const) {
    if (command === undefined) continue;
    const { output } = await runProgram(command as [string, ...string[]], LIMIT_MS);
    limits.push({ sender, megabytesPerSecond: (packets * payloadBytes) / 1e6 / Number(output) });
  }
  await new Promise<void>((resolve) => receiver.close(() => resolve()));
  return limits;
}
