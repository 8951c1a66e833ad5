/**
 * The TFTP server of a process: listening ports, the server machine, the offered files, and ports for its sessions.
 *
 *     const opened = await openTftpServer({ listen: { address: "10.0.0.7", port: 69 }, clock, onServing, onFatal });
 *     await opened.value.offer("ap3g3.img", { path: "/var/lib/flexup/slot-b" });
 */

import type { Endpoint } from "../../base/endpoint.js";
import { type Result, success } from "../../base/failure.js";
import type { IpAddress } from "../../base/ip-address.js";
import { defaultServerSettings } from "../../core/tftp/defaults.js";
import type {
  LookUpId,
  ServerEffect,
  ServerInput,
  ServerSettings,
  Serving,
  SessionOutcome,
  SessionPlan,
  TftpSessionId,
} from "../../core/tftp/server/contract.js";
import { TftpServer } from "../../core/tftp/server/server.js";
import type { Clock } from "../clock.js";
import { Host } from "../host.js";
import { namedZone } from "../udp/zone.js";
import { type ListeningPorts, openListeningPorts } from "./listening-ports.js";
import { loadNativeTftp } from "./native-sender.js";
import { OfferedFiles, type OfferSource } from "./offered-files.js";
import { PlainSessionPorts } from "./plain-session-ports.js";
import { type Found, fileNotFound, type ServedPaths } from "./served-paths.js";
import type { SessionPorts } from "./session-ports.js";
import { ThreadedSessionPorts } from "./threaded-session-ports.js";
import { TransferFiles } from "./transfer-files.js";

export interface TftpServerOptions {
  /** `0.0.0.0` or `::` for all addresses; port 0 for an ephemeral one. */
  readonly listen: Endpoint;
  readonly settings?: Partial<ServerSettings>;
  readonly clock: Clock;
  readonly onServing?: (serving: Serving) => void;
  /** One line's worth about each transfer that ended. */
  readonly onSessionEnd?: (plan: SessionPlan, outcome: SessionOutcome, detail: string) => void;
  /** Our own bug: the server has stopped. */
  readonly onFatal: (error: unknown) => void;
  /** Files that are looked up at each request, beside those that are offered. */
  readonly paths?: ServedPaths;
  /** `plain` disables the native sender even where there is one. */
  readonly engine?: "auto" | "plain";
}

export interface RunningTftpServer {
  /** The real port also where 0 was asked for. */
  readonly local: Endpoint;
  /** How transfers run: with the native sender in threads of their own, or in this thread. */
  readonly engine: "native" | "plain";
  /**
   * Serves the file under `fileName` until it is withdrawn; it stays open, so a rename changes nothing. A second offer of a
   * name replaces the first. `offered` is false where it was withdrawn or replaced before the file was open.
   */
  offer(fileName: string, file: OfferSource): Promise<Result<{ readonly sizeBytes: number; readonly offered: boolean }>>;
  /** These names will be offered, in place of those expected before: requests for them wait a while, then get "not yet". */
  expect(fileNames: readonly string[]): void;
  /** The name is gone at once; resolves when its transfers have ended and the file is closed. */
  withdraw(fileName: string): Promise<void>;
  setSessionsMax(sessionsMax: number): void;
  /** Slots are for peers at these addresses before any others. */
  keepSlots(addresses: readonly IpAddress[]): void;
  /** Octets per second over all transfers, beside the settings' own limit; undefined for no other limit. */
  setRateMax(bytesPerSecond: number | undefined): void;
  /** The first transfer should not have to wait for anything that can be had ready; an offer does so by itself. */
  prepare(): void;
  serving(): Serving;
  /** Ends all transfers with an ERROR. Idempotent. */
  close(): Promise<void>;
}

export async function openTftpServer(options: TftpServerOptions): Promise<Result<RunningTftpServer>> {
  const { paths } = options;
  const settings = { ...defaultServerSettings, ...options.settings, looksUp: paths !== undefined };
  const isNative = options.engine !== "plain" && !settings.singlePort && loadNativeTftp() !== undefined;
  const machine = new TftpServer(settings, isNative ? "elsewhere" : "here");
  const files = new OfferedFiles();
  const transfers = new TransferFiles(files);
  let listening: ListeningPorts | undefined;

  const host = new Host<ServerInput, ServerEffect>({
    machine,
    clock: options.clock,
    onFatal: options.onFatal,
    perform: (effect) => {
      switch (effect.type) {
        case "reply":
          listening?.port(effect.local).send(effect.bytes, effect.to);
          return undefined;
        case "look-up":
          lookUp(effect.lookUp, effect.fileName).catch(options.onFatal);
          return undefined;
        case "forget-file":
          transfers.forgetFound(effect.lookUp);
          return undefined;
        case "open-session":
          return openSession(effect.plan);
        case "send":
          sessions.send(effect.session, effect.to, effect.bytes);
          return undefined;
        case "send-blocks":
          sessions.sendBlocks(effect);
          return undefined;
        case "session-input":
          sessions.input(effect.session, effect.input);
          return undefined;
        case "close-session":
          closeSession(effect.session, effect.outcome, effect.detail);
          return undefined;
        case "serving": {
          const { type: _, ...serving } = effect;
          options.onServing?.(serving);
          return undefined;
        }
      }
    },
  });
  const deliver = (input: ServerInput): void => host.deliver(input);
  const sessions: SessionPorts = isNative
    ? new ThreadedSessionPorts(deliver)
    : new PlainSessionPorts(deliver, (local) => (listening as ListeningPorts).port(local));

  const lookUp = async (id: LookUpId, fileName: string): Promise<void> => {
    const found: Found = (await paths?.open(fileName)) ?? fileNotFound;
    if (found.type === "missing") {
      deliver({ type: "file-missing", lookUp: id, code: found.code, message: found.message });
      return;
    }
    transfers.keepFound(id, found.file);
    if (host.stopped) transfers.forgetFound(id);
    else deliver({ type: "file-found", lookUp: id, sizeBytes: found.file.sizeBytes });
  };

  const openSession = (plan: SessionPlan): Promise<void> | undefined => {
    const file = transfers.begin(plan);
    if (file !== undefined) return sessions.open(plan, file);
    deliver({ type: "session-ended", session: plan.session, outcome: "withdrawn", detail: "", bytesDone: 0 });
    return undefined;
  };

  const closeSession = (session: TftpSessionId, outcome: SessionOutcome, detail: string): void => {
    sessions.close(session);
    const plan = transfers.end(session);
    if (plan !== undefined) options.onSessionEnd?.(plan, outcome, detail);
  };

  const endOffer = async (fileName: string): Promise<void> => {
    const file = files.remove(fileName);
    if (file === undefined) return;
    deliver({ type: "withdraw", fileName });
    await files.closed(file);
  };

  const withdraw = (fileName: string): Promise<void> => {
    files.forgetOffer(fileName);
    return endOffer(fileName);
  };

  const opened = await openListeningPorts(
    { ...options.listen, address: namedZone(options.listen.address) },
    (local, bytes, from) => {
      // A peer whose last transfer has just ended may ask for the next file before its session's end is reported.
      sessions.catchUp();
      deliver({ type: "request", from, local, bytes });
    },
    () => {}, // A reply that the host could not send is lost as any other: the peer asks again.
  );
  if (!opened.ok) return opened;
  listening = opened.value;
  const { local } = opened.value;

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    files.stop();
    await Promise.all(files.names().map(withdraw));
    deliver({ type: "stop" });
    await transfers.idle();
    host.stop();
    await Promise.all([opened.value.close(), sessions.closeAll()]);
  };

  return success({
    local,
    engine: isNative ? "native" : "plain",
    offer: (fileName, file) =>
      files.offer(fileName, file, {
        // The transfers of a replaced offer end in their own time.
        replace: () => void endOffer(fileName).catch(options.onFatal),
        offered: (sizeBytes) => {
          deliver({ type: "offer", fileName, sizeBytes });
          sessions.prepare();
        },
      }),
    expect: (fileNames) => deliver({ type: "expect", fileNames }),
    withdraw,
    setSessionsMax: (sessionsMax) => deliver({ type: "sessions-max", sessionsMax }),
    keepSlots: (addresses) => deliver({ type: "keep-slots", addresses }),
    setRateMax: (bytesPerSecond) => deliver({ type: "rate-max", bytesPerSecond }),
    prepare: () => sessions.prepare(),
    serving: () => machine.serving(),
    close: () => {
      closing ??= close();
      return closing;
    },
  });
}
