import type { Machine, Wake } from "../../base/machine.js";
import type { ApEffect, ApEvent, ApInput, BootState, FoundController } from "../../core/ap/contract.js";
import type { Serving } from "../../core/tftp/server/contract.js";
import type { Clock } from "../clock.js";
import type { DtlsClient } from "../dtls/dtls-client.js";
import type { SecurePort } from "../dtls/secure-port.js";
import { HoldingProver } from "../holding-proof.js";
import { Host } from "../host.js";
import type { LimitedLog } from "../log.js";
import { startTftpFetch, type TftpFetch } from "../tftp/client.js";
import type { RunningTftpServer } from "../tftp/server.js";
import type { ImageFiles } from "./image-files.js";

export interface ApHostOptions {
  readonly machine: Machine<ApInput, ApEffect>;
  readonly files: ImageFiles;
  readonly tftp: RunningTftpServer;
  readonly clock: Clock;
  readonly warnings: LimitedLog;
  /** Address of ours that TFTP fetches bind; a wildcard leaves the choice to the kernel. */
  readonly bindAddress: string;
  readonly resolveControllers: () => Promise<readonly FoundController[]>;
  readonly onEvent: (event: ApEvent) => void;
  /** The agent asks for a restart. */
  readonly onReboot: () => void;
  readonly onFatal: (error: unknown) => void;
}

/** A fetch reports its progress at most this often. */
const progressMs = 250;

/** The AP agent in the real world, from boot to restart: CAPWAP port, image files, TFTP server and fetches. */
export class ApHost {
  readonly #options: ApHostOptions;
  readonly #host: Host<Exclude<ApInput, Wake>, ApEffect>;
  readonly #fetches = new Map<number, TftpFetch>();
  /** Names of the chunks that are offered. */
  readonly #chunks = new Set<string>();
  readonly #prover = new HoldingProver();
  #port: SecurePort<DtlsClient> | undefined;

  constructor(options: ApHostOptions) {
    this.#options = options;
    this.#host = new Host<Exclude<ApInput, Wake>, ApEffect>({
      machine: options.machine,
      clock: options.clock,
      perform: (effect) => this.#perform(effect),
      onFatal: options.onFatal,
    });
  }

  /** Boots the agent. */
  start(port: SecurePort<DtlsClient>, state: BootState): void {
    this.#port = port;
    this.#host.deliver({ type: "boot", state });
  }

  deliver(input: Exclude<ApInput, Wake>): void {
    this.#host.deliver(input);
  }

  serving({ sessions, bytesServed, refusals }: Serving): void {
    this.#host.deliver({ type: "serving", sessions: sessions.map(({ peer, bytesDone }) => ({ peer, bytesDone })), bytesServed, refusals });
  }

  /** Ends the session and all fetches; resolves when they are closed. Files and server stay the caller's. */
  async stop(): Promise<void> {
    this.#host.deliver({ type: "stop" });
    this.#host.stop();
    const fetches = [...this.#fetches.values()];
    for (const fetch of fetches) fetch.abort();
    await Promise.all(fetches.map(({ closed }) => closed));
  }

  #perform(effect: ApEffect): void | Promise<void> {
    const { files, tftp, onEvent, onReboot, onFatal } = this.#options;
    switch (effect.type) {
      case "send":
        this.#port?.send(effect);
        return;
      case "open-link":
        this.#port?.layer?.open(this.#options.clock.now(), effect.peer);
        this.#port?.arm();
        return;
      case "close-link":
        this.#port?.closeLink(effect.peer);
        return;
      case "resolve-controllers":
        this.#options.resolveControllers().then((endpoints) => this.deliver({ type: "controllers-resolved", endpoints }), onFatal);
        return;
      case "open-download":
      case "write-chunk":
      case "verify-download":
      case "check-chunk":
      case "commit-slot":
      case "discard-download":
      case "save-boot-record":
      case "check-release":
      case "measure-flash":
        files.perform(effect);
        return;
      case "prove-slot":
        this.#prove(effect);
        return;
      case "save-journal":
        return files.saveJournal(effect.journal);
      case "offer":
        this.#offer(effect);
        return;
      case "expect-chunks":
        tftp.setSessionsMax(effect.sessionsMax);
        tftp.expect(effect.fileNames);
        return;
      case "offer-chunk":
        this.#offerChunk(effect).catch(onFatal);
        return;
      case "withdraw-chunks":
        tftp.expect([]);
        for (const fileName of this.#chunks) tftp.withdraw(fileName).catch(onFatal);
        this.#chunks.clear();
        return;
      case "keep-slots":
        tftp.keepSlots(effect.addresses);
        return;
      case "limit-serving":
        tftp.setRateMax(effect.bytesPerSecondMax ?? undefined);
        return;
      case "withdraw":
        tftp.withdraw(effect.fileName).catch(onFatal);
        return;
      case "fetch":
        this.#fetch(effect);
        return;
      case "cancel-fetch":
        this.#fetches.get(effect.fetchId)?.abort();
        return;
      case "reboot":
        onReboot();
        return;
      case "event":
        onEvent(effect.event);
    }
  }

  #prove({ slot, nonce, mac }: Extract<ApEffect, { readonly type: "prove-slot" }>): void {
    const { files, warnings, onFatal } = this.#options;
    this.#prover.prove(files.slotPath(slot), nonce, mac).then((proof) => {
      if (proof !== null) this.deliver({ type: "slot-proven", nonce, proof });
      else warnings.warn("slot-unreadable", "a slot cannot be read, so that the controller gets no proof of its image", { slot });
    }, onFatal);
  }

  #offer({ fileName, slot, sessionsMax }: Extract<ApEffect, { readonly type: "offer" }>): void {
    const { files, tftp, onEvent, onFatal, warnings } = this.#options;
    tftp.setSessionsMax(sessionsMax);
    tftp.offer(fileName, { path: files.slotPath(slot) }).then((result) => {
      if (!result.ok) warnings.warn("offer-failed", result.failure.message, { fileName });
      else if (result.value.offered) onEvent({ name: "offering", fileName, sessionsMax });
    }, onFatal);
  }

  async #offerChunk({ fileName, imageSha256, offset, sizeBytes }: Extract<ApEffect, { readonly type: "offer-chunk" }>): Promise<void> {
    const { files, tftp, warnings } = this.#options;
    this.#chunks.add(fileName);
    const offer = () => tftp.offer(fileName, { path: files.imagePath(imageSha256), part: { offset, sizeBytes } });
    const first = await offer();
    // The temporary file may have become a slot's while it was being opened.
    const offered = first.ok ? first : await offer();
    if (!offered.ok) warnings.warn("offer-failed", offered.failure.message, { fileName });
  }

  #fetch({ fetchId, server, fileName, sizeBytes, downloadId, offset: start }: Extract<ApEffect, { readonly type: "fetch" }>): void {
    const { files, clock, bindAddress, onFatal } = this.#options;
    let toldAt = clock.now();
    const fetch = startTftpFetch({
      server,
      fileName,
      sizeBytes,
      localAddress: bindAddress,
      clock,
      sink: { write: (offset, chunks) => files.append(downloadId, start + offset, chunks) },
      onProgress: (bytesDone) => {
        if (clock.now() - toldAt < progressMs) return;
        toldAt = clock.now();
        this.deliver({ type: "fetch-progress", fetchId, bytesDone });
      },
      onFatal,
    });
    this.#fetches.set(fetchId, fetch);
    fetch.ended.then(({ outcome, bytesDone, detail }) => {
      this.deliver({ type: "fetch-ended", fetchId, outcome, bytesDone, detail });
    }, onFatal);
    fetch.closed.then(() => this.#fetches.delete(fetchId), onFatal);
  }
}
