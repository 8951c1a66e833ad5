/** What somebody on the path sees of `flexup demo`, by tshark without a key: no Join with DTLS; all of it where DTLS is missing, and the demo says so. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { loadDtls } from "../../src/runtime/dtls/addon.js";
import { flexup } from "../support/flexup-process.js";
import { temporaryFolder } from "../support/folder.js";

t.setTimeout(400_000);
const skip =
  (loadDtls() === undefined && "the DTLS add-on is not built here") ||
  (spawnSync("tshark", ["--version"]).error !== undefined && "no tshark here: what a demo shows on the path was not looked at") ||
  (spawnSync("dumpcap", ["-i", "lo", "-c", "1", "-a", "duration:1", "-w", "/dev/null"]).status !== 0 && "dumpcap may not capture here");

const messageTypes = { discoveryRequest: 1, discoveryResponse: 2, joinRequest: 3 } as const;

interface Seen {
  readonly output: string;
  /** CAPWAP message types in clear, each once. */
  readonly types: readonly number[];
  readonly dtlsRecords: number;
}

async function demo(t: Test, env: NodeJS.ProcessEnv): Promise<Seen> {
  const capture = join(temporaryFolder(t), "demo.pcapng");
  const recorder = spawn("dumpcap", ["-i", "lo", "-s", "256", "-q", "-f", "udp", "-w", capture], { stdio: "ignore" });
  t.teardown(() => recorder.kill("SIGKILL"));
  while (!existsSync(capture)) await sleep(50);
  const { code, out, err } = await flexup({ ...process.env, ...env }, "demo");
  t.equal(code, 0, err);
  recorder.kill("SIGINT");
  await once(recorder, "close");
  const fields = (filter: string, field: string, ...options: string[]): string[] => {
    const args = ["-r", capture, ...options, "-Y", filter, "-T", "fields", "-e", field];
    return spawnSync("tshark", args, { encoding: "utf8", maxBuffer: 1 << 28 })
      .stdout.split(/[\n,]/)
      .filter(Boolean);
  };
  // The controller's port is whatever was free: the one to which most datagrams that look like CAPWAP or DTLS over it go.
  const ports = fields("udp.payload[0:2] == 00:10 || udp.payload[0:4] == 01:00:00:00", "udp.dstport");
  const port = [...new Set(ports)].sort((a, b) => count(ports, b) - count(ports, a))[0] as string;
  const asCapwap = ["-d", `udp.port==${port},capwap`];
  const types = new Set(fields("capwap.control.header.message_type", "capwap.control.header.message_type", ...asCapwap).map(Number));
  return { output: out, types: [...types].sort((a, b) => a - b), dtlsRecords: fields("dtls.record", "frame.number", ...asCapwap).length };
}

const count = (all: readonly string[], one: string): number => all.filter((each) => each === one).length;

t.test("with DTLS: Discovery alone", { skip }, async (t) => {
  const { output, types, dtlsRecords } = await demo(t, {});
  t.notMatch(output, /clear text/);
  t.same(types, [messageTypes.discoveryRequest, messageTypes.discoveryResponse]);
  t.ok(dtlsRecords > 100, `${dtlsRecords} records`);
});

t.test("without the add-on: in clear, and one line says so", { skip }, async (t) => {
  const { output, types, dtlsRecords } = await demo(t, { FLEXUP_NATIVE: "0" });
  t.equal(output.split("\n").filter((line) => /DTLS is not available here .* clear text on loopback/.test(line)).length, 1);
  t.ok(types.includes(messageTypes.joinRequest), "tshark sees a Join where there is one");
  t.equal(dtlsRecords, 0);
});

t.test("without the add-on a daemon that is to use DTLS refuses to start with one line", async (t) => {
  const data = temporaryFolder(t);
  const doors = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--dtls", "require"];
  const { code, err } = await flexup({ ...process.env, FLEXUP_NATIVE: "0" }, "controller", "--data", data, ...doors);
  t.equal(code, 1);
  t.match(err, /^DTLS is not available here: .*--dtls off/);
  t.equal(err.trim().split("\n").length, 1, "one line");
});
