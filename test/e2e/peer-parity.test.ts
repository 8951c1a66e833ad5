/** Primary and secondary controller as processes: what the source document asks of their images is held to before a branch is upgraded. */
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import t from "tap";
import { DaemonProcess } from "../../src/daemon/process.js";
import { type ControllerReady, controllerReady } from "../../src/daemon/ready.js";
import { findLocalAccess } from "../../src/runtime/access/local-token.js";
import { ownTlsIdentity } from "../../src/runtime/access/own-certificate.js";
import { after, apsOf, Fleet, must, until } from "../support/fleet.js";
import { flexup } from "../support/flexup-process.js";
import { temporaryFolder } from "../support/folder.js";
import { ownNetwork } from "../support/own-network.js";

t.test("an upgrade waits until the secondary holds the image, over TLS with a token of its own", async (t) => {
  const folder = temporaryFolder(t);
  const env = { ...process.env, XDG_STATE_HOME: join(folder, "state"), FLEXUP_ADMIN_PASSWORD: "given password" };
  const host = `127.${await ownNetwork(t)}.1.2`;
  ownTlsIdentity(join(folder, "tls"));
  const cert = join(folder, "tls", "cert.pem");
  const tls = ["--tls-cert", cert, "--tls-key", join(folder, "tls", "key.pem")];
  const secondArgs = (admin: string) => ["controller", "--data", join(folder, "wlc2"), "--listen", `${host}:0`, "--admin", admin, ...tls];
  const second = new DaemonProcess(secondArgs(`${host}:0`), env);
  const daemons = [second];
  t.teardown(() => Promise.all(daemons.filter(({ running }) => running).map((daemon) => daemon.kill())));
  const { admin }: ControllerReady = await second.line(controllerReady);
  const trusting = { ...env, FLEXUP_ADMIN: admin, NODE_EXTRA_CA_CERTS: cert, NODE_TLS_REJECT_UNAUTHORIZED: "0" };
  const onSecond = (...args: string[]) => flexup(trusting, ...args);

  const tokenFile = join(folder, "peer.token");
  writeFileSync(tokenFile, "not a token\n");
  const fleet = await Fleet.start(t, ["--peer", admin, "--peer-token-file", tokenFile, "--peer-cert", cert]);
  const parity = async () => must(await fleet.admin.order({ type: "show-peer" })).peer;
  await until("the secondary refuses the token", async () => ((await parity())?.trouble?.startsWith("HTTP 401") ? true : undefined));
  t.match(await fleet.flexup("image", "parity"), {
    code: 0,
    stdout: /has not reported its images yet\nIt has not answered since [^\n]+: HTTP 401/,
  });

  const local = findLocalAccess(env, new URL(admin))?.token ?? "";
  const made = await tokenOf(admin, cert, local);
  writeFileSync(tokenFile, `${made}\n`);
  await fleet.controller.stop();
  await fleet.restartController();

  const plans = apsOf("AIR-AP2802I", 2);
  await fleet.join(plans);
  const { content } = await fleet.addImage("AIR-AP2802I", 100_000);
  await fleet.group("branch", plans);
  await until("the difference is seen", async () => ((await parity())?.verdict === "differs" ? true : undefined));
  const start = ["config", "flexconnect", "group", "branch", "predownload", "start", "primary"];
  t.match(await fleet.flexup(...start), {
    code: 1,
    stderr: new RegExp(
      `^The peer controller ${admin} does not hold the same images \\(the primary release for AIR-AP2802I: ${after} here, none there\\);`,
    ),
  });
  t.match(await fleet.flexup("image", "parity"), {
    code: 1,
    stdout: /holds other images, as of [^\n]+\n {2}primary AIR-AP2802I: 8\.10\.183\.0 here, none there\nNo upgrade/,
  });
  t.match(await (await fetch(new URL("/metrics", fleet.ready.admin))).text(), /flexup_peer_images\{state="differs",[^\n]*\} 1/);

  const file = join(folder, "ap3g3.img");
  writeFileSync(file, content);
  t.match(await onSecond("image", "add", file, "--version", after, "--models", "AIR-AP2802I", "--release", "primary"), { code: 0 });
  await until("the start goes through", async () => ((await fleet.flexup(...start)).code === 0 ? true : undefined));
  t.match((await fleet.runOver("branch")).run, { state: "complete", counts: { Complete: 2 } });
  await until("an answer without trouble", async () => (await parity())?.trouble === null);
  t.match(await parity(), { verdict: "same" });

  t.equal(await second.stop(), 0);
  t.match(await onSecond("image", "ls"), { code: 1 });
  // Who is being asked while it stops may break off first.
  await until("the secondary is missed", async () => (await parity())?.trouble?.includes("ECONNREFUSED"));
  t.match(await fleet.flexup("image", "parity"), {
    code: 0,
    stdout: /holds the same images, as of [^\n]+\nIt has not answered since [^\n]+ECONNREFUSED/,
  });
});

/** Makes a token as an administrator of the second controller does. */
async function tokenOf(admin: string, cert: string, local: string): Promise<string> {
  const options = {
    method: "POST",
    ca: readFileSync(cert),
    checkServerIdentity: () => undefined,
    headers: { "content-type": "application/json", authorization: `Bearer ${local}` },
  };
  const text = await new Promise<string>((resolve, reject) => {
    const asked = request(new URL("/api/v1/tokens", admin), options, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part) => {
        body += part;
      });
      response.on("end", () => resolve(body));
    });
    asked.on("error", reject);
    asked.end(JSON.stringify({ name: "wlc1", role: "read-only" }));
  });
  return (JSON.parse(text) as { token: string }).token;
}
