import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import t from "tap";
import { AdminClient } from "../../src/admin/client.js";
import type { Endpoint } from "../../src/base/endpoint.js";
import { failure } from "../../src/base/failure.js";
import { type CreateMachine, startController } from "../../src/daemon/controller.js";
import { type ControllerOptions, readControllerSettings } from "../../src/daemon/controller-config.js";
import { Log } from "../../src/runtime/log.js";
import { openUdpPort } from "../../src/runtime/udp/udp-ports.js";
import { temporaryFolder } from "../support/folder.js";
import { ScriptedController } from "../support/scripted-controller.js";

const host = "127.50.1.1";

async function start(
  t: Pick<Test, "teardown">,
  options: ControllerOptions,
  create: CreateMachine,
  env: Record<string, string> = { FLEXUP_ADMIN_PASSWORD: "first password" },
) {
  const settings = readControllerSettings({ listen: `${host}:0`, admin: `${host}:0`, lab: true, ...options });
  if (!settings.ok) throw new Error(settings.failure.message);
  const started = await startController(settings.value, new Log({ component: "controller", level: "silent" }), create, {
    XDG_STATE_HOME: temporaryFolder(t),
    ...env,
  });
  if (started.ok) t.teardown(() => started.value.stop());
  return started;
}

async function running(t: Pick<Test, "teardown">, options: ControllerOptions, create: CreateMachine) {
  const started = await start(t, options, create);
  if (!started.ok) throw new Error(started.failure.message);
  return started.value;
}

t.test("datagrams go in, datagrams and image ranges go out, orders get their answers", async (t) => {
  const data = temporaryFolder(t);
  const image = "00".repeat(32);
  const machine = new ScriptedController((input, out) => {
    if (input.type === "datagram") {
      out.push({ type: "send", to: input.from, bytes: Buffer.from("answer"), carriage: "clear" });
      out.push({
        type: "send",
        to: input.from,
        bytes: Buffer.from("block "),
        carriage: "clear",
        image: { sha256: image, offset: 2, length: 3 },
      });
      out.push({
        type: "send",
        to: input.from,
        bytes: Buffer.from("lost "),
        carriage: "clear",
        image: { sha256: "ff", offset: 0, length: 3 },
      });
      out.push({ type: "send", to: input.from, bytes: Buffer.from("last"), carriage: "clear" });
    }
    if (input.type === "operator")
      out.push({ type: "reply", requestId: input.requestId, result: failure("no-run", "No upgrade is running."), changes: [] });
  });
  const controller = await running(t, { data }, () => machine);
  writeFileSync(join(data, "images", image), "0123456789");

  const received: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const onDatagram = (bytes: Uint8Array, from: Endpoint): void => {
      t.same(from, controller.capwap);
      received.push(Buffer.from(bytes).toString());
      if (received.length === 3) resolve();
    };
    openUdpPort({ address: host, port: 0, onDatagram, onError: reject }).then((ap) => {
      if (!ap.ok) return reject(new Error(ap.failure.message));
      t.teardown(() => ap.value.close());
      ap.value.send(Buffer.from("hello"), controller.capwap);
    });
  });
  t.same(received.sort(), ["answer", "block 234", "last"], "an image that cannot be read costs its own datagram alone");
  const client = new AdminClient(new URL(controller.adminUrl));
  t.same(await client.order({ type: "group-abort", group: "G" }), failure("no-run", "No upgrade is running."));
});

t.test("records are given back at the next start, and files of no image are set aside", async (t) => {
  const data = temporaryFolder(t);
  const first = new ScriptedController((input, out) => {
    if (input.type === "boot") out.push({ type: "persist", records: [{ key: "group/G", value: { name: "G" } }] });
  });
  const controller = await running(t, { data }, () => first);
  t.same(first.inputs[0], { type: "boot", records: [] });
  await controller.stop();
  t.equal(first.inputs.at(-1)?.type, "stop");
  writeFileSync(join(data, "images", "0".repeat(64)), "x");

  const second = new ScriptedController();
  await running(t, { data }, () => second);
  t.same(second.inputs[0], { type: "boot", records: [{ key: "group/G", value: { name: "G" } }] });
  t.same(readdirSync(join(data, "images", "unlisted")), ["0".repeat(64)]);
  t.same(readdirSync(join(data, "images")), ["unlisted"]);
});

t.test("a second controller on the same folder or port is refused", async (t) => {
  const data = temporaryFolder(t);
  const machine = (): ScriptedController => new ScriptedController();
  const first = await running(t, { data }, machine);
  t.match(await start(t, { data }, machine), { ok: false, failure: { code: "data-folder-in-use" } });
  const other = temporaryFolder(t);
  t.match(await start(t, { data: other, listen: `${host}:${first.capwap.port}` }, machine), {
    ok: false,
    failure: { code: "port-in-use" },
  });
  const { port } = new URL(first.adminUrl);
  t.same(
    await start(t, { data: other, admin: `${host}:${port}` }, machine),
    failure("admin-port-failed", `--admin ${host}:${port} is in use by another process; stop it or choose another port`),
  );
  t.match(await start(t, { data: other }, machine), { ok: true }, "a refused start has left nothing open");
});

t.test("the password of the first user is shown by the start that came about, not made by one that did not", async (t) => {
  const machine = (): ScriptedController => new ScriptedController();
  const other = await running(t, { data: temporaryFolder(t), ssh: `${host}:0` }, machine);
  const data = temporaryFolder(t);
  for (const taken of [{ admin: new URL(other.adminUrl).host }, { ssh: `${host}:${other.ssh?.port}` }])
    t.match(await start(t, { data, ...taken }, machine, {}), { ok: false, failure: { code: /^(?:admin|ssh)-port-failed$/ } });
  const started = await start(t, { data }, machine, {});
  t.match(started, { ok: true, value: { firstPassword: /^[\w-]{20}$/ } });
  if (started.ok) await started.value.stop();
  t.match(await start(t, { data }, machine, {}), { ok: true, value: { firstPassword: undefined } });
});

t.test("a first password that is given is no empty one", async (t) => {
  const data = temporaryFolder(t);
  const machine = (): ScriptedController => new ScriptedController();
  for (const FLEXUP_ADMIN_PASSWORD of ["", "1234567"])
    t.match(await start(t, { data }, machine, { FLEXUP_ADMIN_PASSWORD }), { ok: false, failure: { code: "password-too-short" } });
  const made = await running(t, { data }, machine);
  await made.stop();
  t.match(await start(t, { data }, machine, { FLEXUP_ADMIN_PASSWORD: "" }), { ok: true }, "later it is not looked at");
});

t.test("a machine that halts or breaks ends the controller with the reason", async (t) => {
  const halting = await running(t, { data: temporaryFolder(t) }, () => {
    return new ScriptedController((input, out) => {
      if (input.type === "operator") out.push({ type: "halt", failure: { code: "store-newer", message: "another version" } });
    });
  });
  const client = new AdminClient(new URL(halting.adminUrl));
  t.match(await client.order({ type: "show-boot" }), { ok: false, failure: { code: "controller-stopping" } });
  t.same(await halting.halted, { code: "store-newer", message: "another version" });

  const broken = await running(t, { data: temporaryFolder(t) }, () => {
    return new ScriptedController((input) => {
      if (input.type === "operator") throw new Error("a bug");
    });
  });
  await new AdminClient(new URL(broken.adminUrl)).order({ type: "show-boot" });
  t.same(await broken.halted, { code: "controller-failed", message: "The controller cannot continue: a bug" });
});
