/** The openCAPWAP-like WTP over real sockets, against a controller process. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Test } from "tap";
import { parseHostPort } from "../../src/base/endpoint.js";
import { Fleet, until } from "./fleet.js";
import { type OpenCapwapTimers, OpenCapwapWtp } from "./opencapwap-wtp.js";

async function bound(t: Test, address: string): Promise<Socket> {
  const socket = createSocket("udp4").bind(0, address);
  await once(socket, "listening");
  t.teardown(() => socket.close());
  return socket;
}

/** Runs the WTP for `runMs`, restarts the controller, and runs it again for as long. */
export async function playOpenCapwap(t: Test, runMs: number, timers: OpenCapwapTimers): Promise<void> {
  const fleet = await Fleet.start(t);
  const address = `${fleet.network}.7.7`;
  const controller = parseHostPort(fleet.ready.capwap, 0);
  if (controller === undefined) throw new Error(`no endpoint: ${fleet.ready.capwap}`);
  const wtp = new OpenCapwapWtp(address, "SN7", timers);
  const [control, data] = await Promise.all([bound(t, address), bound(t, address)]);
  const send = (datagrams: ReturnType<OpenCapwapWtp["wake"]>): void => {
    for (const { channel, bytes } of datagrams) {
      if (channel === "data") data.send(bytes, controller.port + 1, controller.host);
      else control.send(bytes, controller.port, controller.host);
    }
  };
  let answers = 0;
  control.on("message", (bytes) => {
    answers++;
    send(wtp.control(Date.now(), bytes));
  });
  data.on("message", () => wtp.data(Date.now()));
  send(wtp.start(Date.now()));
  const ticking = setInterval(() => send(wtp.wake(Date.now())), 10);
  t.teardown(() => clearInterval(ticking));

  await until("the WTP in Run", async () => wtp.state === "running");
  await sleep(runMs);
  t.same(wtp.losses, [], "it stayed in Run");
  await fleet.controller.kill();
  await fleet.restartController();
  await until("the WTP in Run again", async () => wtp.runs === 2 && wtp.state === "running");
  t.equal(wtp.losses.length, 1, `it gave the old session up once: ${wtp.losses}`);
  await sleep(runMs);
  t.equal(wtp.losses.length, 1, `and stayed in Run: ${wtp.losses}`);
  t.ok(answers < 2 * wtp.sent, `${answers} datagrams of the controller for ${wtp.sent} of the WTP`);
}
