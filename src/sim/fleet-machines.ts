import { Prng } from "../base/prng.js";
import { Agent } from "../core/ap/agent.js";
import { WtpSession } from "../core/capwap/wtp/wtp-session.js";
import type { ControllerMachine } from "../core/controller/contract.js";
import { Controller } from "../core/controller/controller.js";
import { defaultTimings } from "../core/controller/timings.js";
import { TftpClient } from "../core/tftp/client/client.js";
import { defaultClientSettings, defaultServerSettings, LAN_BLKSIZE, LAN_WINDOWSIZE } from "../core/tftp/defaults.js";
import { TftpServer } from "../core/tftp/server/server.js";
import { defaultTimers } from "../wire/capwap/defaults.js";
import { extensions } from "../wire/capwap/vendor.js";
import { type ApMachines, tftpPort } from "./ap-node.js";
import type { FleetOptions } from "./fleet-options.js";

const confirmMs = 300_000;

/** The machines of the daemons with the daemons' defaults, seeded by the node's name and boot count. */
export const apMachines = ({ seed, fastTransfer, sessionBytesPerSecond, echoIntervalMs, link }: FleetOptions): ApMachines => ({
  agent: ({ name, mac, model, address }, boots) => {
    const prng = new Prng(seed, boots).split(name);
    const facts = {
      name,
      mac,
      model,
      location: "branch",
      serial: `SIM-${name}`,
      hardwareVersion: "1",
      bootVersion: "1",
      localAddress: address,
      tftp: { address: "", port: tftpPort },
      extensions: fastTransfer ? [extensions.fastTransfer] : [],
    };
    const settings = {
      controllers: [],
      linkMode: link,
      timers: { ...defaultTimers, echoIntervalMs },
      bootImageDownload: false,
      fastTransfer,
    } as const;
    return new Agent({
      facts,
      prng: prng.split("agent"),
      confirmMs,
      session: (self) => new WtpSession(settings, self, prng.split("capwap")),
    });
  },
  server: (sessionsMax) => new TftpServer({ ...defaultServerSettings, sessionsMax, sessionRateBytesPerSecond: sessionBytesPerSecond }),
  client: (fetch) =>
    new TftpClient({ ...fetch, blksize: LAN_BLKSIZE, windowsize: LAN_WINDOWSIZE, timeoutSeconds: undefined }, defaultClientSettings),
});

export const controllerMachine = (
  seed: number,
  addresses: readonly string[],
  {
    sessionsMax,
    wanBytesPerSecond,
    echoIntervalMs,
    link,
  }: Pick<FleetOptions, "sessionsMax" | "wanBytesPerSecond" | "echoIntervalMs" | "link">,
): ControllerMachine =>
  new Controller({
    name: "sim",
    platform: "unlimited",
    lab: true,
    seed,
    timings: defaultTimings,
    sessionsMax,
    wan: { transfersMax: 100, bytesPerSecondMax: wanBytesPerSecond },
    capwap: { addresses, hardwareVersion: "1", softwareVersion: "1", linkMode: link, timers: { ...defaultTimers, echoIntervalMs } },
    downloadAtJoin: false,
  });
