/** The daemons as processes, each with a foreign peer on a real socket that knows RFC 5415 and nothing of flexup. */
import { createHash, randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { AdminClient } from "../../src/admin/client.js";
import type { Endpoint } from "../../src/base/endpoint.js";
import { DaemonProcess } from "../../src/daemon/process.js";
import { checkCapture, hasTshark } from "../support/capcheck.js";
import { type CapturedDatagram, writeCapture } from "../support/captures.js";
import { ForeignAc, type ForeignAcOptions, ForeignWtp, type ForeignWtpOptions } from "../support/rfc-peer.js";

/** Twenty processes start here, on machines that may be busy. */
t.setTimeout(900_000);

/** A socket that notes what passes through it. */
class Tap {
  readonly capture: CapturedDatagram[] = [];
  readonly #socket: Socket;
  readonly local: Endpoint;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.local = socket.address();
  }

  static async open(address: string): Promise<Tap> {
    const socket = createSocket("udp4");
    socket.bind(0, address);
    await once(socket, "listening");
    return new Tap(socket);
  }

  onDatagram(answer: (bytes: Buffer) => Buffer[]): void {
    this.#socket.on("message", (bytes, { address, port }) => {
      const from = { address, port };
      this.capture.push({ from, to: this.local, payload: bytes, at: Date.now() });
      this.send(answer(bytes), from);
    });
  }

  send(datagrams: readonly Buffer[], to: Endpoint): void {
    for (const payload of datagrams) {
      this.capture.push({ from: this.local, to, payload, at: Date.now() });
      this.#socket.send(payload, to.port, to.address);
    }
  }

  close(): void {
    this.#socket.close();
  }
}

/** Waits for something that a peer does by itself. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const since = Date.now(); !(await holds()); await sleep(5)) if (Date.now() - since > 180_000) throw new Error("it never happened");
}

function judge(t: Test, tap: Tap, controlPort: number): void {
  if (!hasTshark()) {
    t.comment("SKIPPED: tshark is not installed, the capture is not judged");
    return;
  }
  const path = join(t.testdir(), "capture.pcap");
  writeCapture(path, tap.capture);
  const verdict = checkCapture(path, controlPort);
  t.same(verdict.faults, []);
  t.equal(verdict.messages, tap.capture.length, `${verdict.messages} messages`);
}

t.test("a foreign AP and our controller", { timeout: 450_000 }, async (t) => {
  const folder = t.testdir();
  const image = randomBytes(300_000);
  writeFileSync(join(folder, "image.bin"), image);
  const daemon = new DaemonProcess([
    "controller",
    "--data",
    join(folder, "c"),
    "--listen",
    "127.22.0.1:0",
    "--admin",
    "127.0.0.1:0",
    "--lab",
  ]);
  t.teardown(() => daemon.stop());
  const { capwap, admin } = await daemon.line((line) =>
    typeof line["capwap"] === "string" ? { capwap: line["capwap"], admin: String(line["admin"]) } : undefined,
  );
  const controller = { address: "127.22.0.1", port: Number(capwap.split(":").at(-1)) };
  const client = new AdminClient(new URL(admin));
  const added = await client.addImage(join(folder, "image.bin"), { version: "9.1.2", models: ["X-1"], release: "primary" }, () => {});
  t.equal(added.ok, true, "the controller has the image");
  const predownload = async (t: Test, ap: string) => {
    const started = await client.order({ type: "ap-predownload", ap, release: "primary" });
    t.equal(started.ok, true, "the download is ordered");
  };

  const statusOf = async (ap: string): Promise<string | undefined> => {
    const shown = await client.order({ type: "show-ap-image", ap });
    return shown.ok ? shown.value.aps[0]?.status : undefined;
  };

  const joined = async (index: number, fail?: ForeignWtpOptions["fail"]) => {
    const address = `127.22.1.${index}`;
    const tap = await Tap.open(address);
    t.teardown(() => tap.close());
    const name = `foreign-${index}`;
    const wtp = new ForeignWtp({ address, mac: `02:00:00:22:01:0${index}`, name, model: "X-1", version: "1.0", ...(fail && { fail }) });
    tap.onDatagram((bytes) => wtp.receive(bytes));
    tap.send(wtp.start(), controller);
    await until(() => wtp.state === "run");
    const echoes = setInterval(() => tap.send(wtp.download === "requested" ? [] : wtp.echo(), controller), 1_000);
    t.teardown(() => clearInterval(echoes));
    return { wtp, tap, name };
  };

  t.test("downloads an image block by block", async (t) => {
    const { wtp, tap, name } = await joined(1);
    await predownload(t, name);
    await until(() => wtp.download === "complete" || wtp.download === "failed");
    t.equal(wtp.download, "complete");
    t.ok(wtp.image.equals(image));
    judge(t, tap, controller.port);
  });

  for (const [place, resultCode] of [14, 15, 16, 17].entries()) {
    t.test(`refuses a block with ${resultCode}`, async (t) => {
      const { wtp, tap, name } = await joined(2 + place, { block: 3, resultCode });
      await predownload(t, name);
      // The controller asks it again before it calls it failed.
      await until(async () => (await statusOf(name)) === "Failed");
      await sleep(500);
      t.equal(wtp.download, "failed");
      t.equal(wtp.blocks.length, 3, "no block after it");
      t.equal(wtp.state, "run");
      judge(t, tap, controller.port);
    });
  }

  t.test("is told of an abort by type 5", async (t) => {
    const { wtp, tap, name } = await joined(6);
    await predownload(t, name);
    await until(() => wtp.blocks.length > 0);
    await client.order({ type: "ap-predownload-abort", ap: name });
    await until(() => wtp.download === "aborted" || wtp.download === "complete");
    t.match(wtp.download, /aborted|complete/, wtp.download);
    judge(t, tap, controller.port);
  });
});

t.test("a foreign controller and our AP", { timeout: 450_000 }, async (t) => {
  const fed = async (t: Test, index: number, options: Partial<ForeignAcOptions> & { readonly image: Buffer }, ...apArguments: string[]) => {
    const address = `127.22.2.${index}`;
    const tap = await Tap.open(address);
    const ac = new ForeignAc({ address, name: "foreign-ac", ...options });
    let ap: Endpoint | undefined;
    tap.onDatagram((bytes) => {
      ap = tap.capture.at(-1)?.from;
      return ac.receive(bytes);
    });
    const bind = `127.22.3.${index}`;
    const daemon = new DaemonProcess([
      ...["ap", "--data", t.testdir(), "--name", `ap-${index}`, "--mac", `02:00:00:22:03:0${index}`, "--model", "AIR-AP2802I"],
      ...["--controller", `${address}:${tap.local.port}`, "--bind", bind, "--tftp-port", "0", "--version", "1.0", "--lab", ...apArguments],
    ]);
    t.teardown(async () => {
      await daemon.stop();
      tap.close();
    });
    await until(() => ac.state === "run");
    const order = (version: string): void => tap.send(ac.order(version), ap ?? { address: bind, port: 0 });
    return { ac, tap, daemon, order };
  };

  t.test("stores what it is fed, and says 17 when it has it", async (t) => {
    const image = randomBytes(200_000);
    const { ac, tap, daemon, order } = await fed(t, 1, { image });
    order("2.0");
    await until(() => ac.transfer === "complete" || ac.transfer === "refused");
    t.equal(ac.transfer, "complete");
    const stored = await daemon.line((line) => (line["event"] === "slot-written" ? line : undefined));
    t.equal(stored["sha256"], createHash("sha256").update(image).digest("hex"));
    order("2.0");
    await until(() => ac.orderResults.length === 2);
    t.same(ac.orderResults, [0, 17]);
    judge(t, tap, tap.local.port);
  });

  t.test("answers 14 for a wrong checksum and 15 for a wrong length", async (t) => {
    const image = randomBytes(50_000);
    for (const [index, announce, resultCode] of [
      [2, { md5: Buffer.alloc(16) }, 14],
      [3, { sizeBytes: 49_000 }, 15],
      [4, { sizeBytes: 51_000 }, 15],
    ] as const) {
      const { ac, tap, order } = await fed(t, index, { image, announce });
      order("2.0");
      await until(() => ac.transfer === "refused" || ac.transfer === "complete");
      t.equal(ac.results.at(-1), resultCode);
      judge(t, tap, tap.local.port);
    }
  });

  t.test("answers 16 when the flash is full", async (t) => {
    const { ac, tap, order } = await fed(t, 5, { image: randomBytes(300_000) }, "--flash-bytes", "100000");
    order("2.0");
    await until(() => ac.transfer === "refused" || ac.orderResults.some((code) => code !== 0));
    t.equal(ac.results.at(-1) ?? ac.orderResults.at(-1), 16);
    judge(t, tap, tap.local.port);
  });

  t.test("drops what it has when the controller aborts, and takes the next order", async (t) => {
    const { ac, tap, order } = await fed(t, 6, { image: randomBytes(50_000), abortAtBlock: 10 });
    order("2.0");
    await until(() => ac.transfer === "aborted" && ac.results.length === 11);
    t.equal(ac.results.at(-1), 0, "the abort is acknowledged");
    order("3.0");
    await until(() => ac.results.length === 22);
    t.same(ac.orderResults, [0, 0]);
    judge(t, tap, tap.local.port);
  });
});
