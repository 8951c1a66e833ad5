/**
 * The TFTP server of a process: listening ports, the listener machine, and a runner for each admitted session.
 *
 *     const opened = await openTftpServer({ listen: { address: "10.0.0.7", port: 69 }, clock, onServing, onFatal });
 *     await opened.value.offer("ap3g3.img", { path: "/var/lib/flexup/slot-b" });
 */
import { type FileHandle, open } from "node:fs/promises";
import type { Endpoint } from "../../base/endpoint.js";
import { failure, type Result, success } from "../../base/failure.js";
import type { ServerSettings, Serving, SessionOutcome, SessionPlan, TftpSessionId } from "../../core/tftp/contract.js";
import { defaultServerSettings } from "../../core/tftp/defaults.js";
import { type ListenerEffect, type ListenerInput, TftpListener } from "../../core/tftp/listener.js";
import type { SessionInput } from "../../core/tftp/send-session.js";
import type { Clock } from "../clock.js";
import { Host } from "../host.js";
import { type ListeningPorts, openListeningPorts } from "./listening-ports.js";
import { loadNativeTftp } from "./native-sender.js";
import { startPlainSession } from "./plain-session.js";
import type { RunningSession, SessionEnd, SessionEvents } from "./session.js";
import { ThreadedSessions } from "./threaded-sessions.js";

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
  /** `plain` does without the native sender even where there is one. */
  readonly engine?: "auto" | "plain";
}

export interface TftpServer {
  /** The real port also where 0 was asked for. */
  readonly local: Endpoint;
  /** How transfers run: with the native sender in threads of their own, or in this thread. */
  readonly engine: "native" | "plain";
  /**
   * Serves the file under `fileName` until it is withdrawn; it stays open, so a rename changes nothing. A second offer of a
   * name replaces the first. `offered` is false where it was withdrawn or replaced before the file was open.
   */
  offer(fileName: string, file: { readonly path: string }): Promise<Result<{ readonly sizeBytes: number; readonly offered: boolean }>>;
  /** The name is gone at once; resolves when its transfers have ended and the file is closed. */
  withdraw(fileName: string): Promise<void>;
  setSessionsMax(sessionsMax: number): void;
  serving(): Serving;
  /** Ends all transfers with an ERROR. Idempotent. */
  close(): Promise<void>;
}

/** An open file under one offer; closed when it is withdrawn and its last transfer has ended. */
interface OfferedFile {
  readonly handle: FileHandle;
  users: number;
  withdrawn: boolean;
  closed: Promise<void>;
  markClosed: () => void;
}

interface Session {
  readonly plan: SessionPlan;
  readonly file: OfferedFile;
  running: Promise<RunningSession>;
}

export async function openTftpServer(options: TftpServerOptions): Promise<Result<TftpServer>> {
  const settings = { ...defaultServerSettings, ...options.settings };
  const threads = options.engine === "plain" || settings.singlePort || loadNativeTftp() === undefined ? undefined : new ThreadedSessions();
  const machine = new TftpListener(settings);
  const files = new Map<string, OfferedFile>();
  const sessions = new Map<TftpSessionId, Session>();
  /** The newest offer of each name that was not withdrawn since: what is asked while a file is being opened is not undone when it is open. */
  const newestOffers = new Map<string, number>();
  let offers = 0;
  let ports: ListeningPorts | undefined;

  const host = new Host<ListenerInput, ListenerEffect>({
    machine,
    clock: options.clock,
    onFatal: options.onFatal,
    perform: (effect) => {
      switch (effect.type) {
        case "reply":
          ports?.port(effect.local).send(effect.bytes, effect.to);
          break;
        case "open-session":
          startSession(effect.plan);
          break;
        case "session-input":
          sendToSession(effect.session, effect.input);
          break;
        case "serving": {
          const { type: _, ...serving } = effect;
          options.onServing?.(serving);
          break;
        }
      }
    },
  });

  const startSession = (plan: SessionPlan): void => {
    const { session } = plan;
    const file = files.get(plan.fileName);
    if (file === undefined) {
      host.deliver({ type: "session-ended", session, outcome: "withdrawn", bytesDone: 0 });
      return;
    }
    file.users++;
    const events: SessionEvents = {
      onProgress: (bytesDone) => host.deliver({ type: "session-progress", session, bytesDone }),
      onDropped: (datagrams) => host.deliver({ type: "dropped", datagrams }),
      onEnded: (end) => endSession(session, end),
    };
    const fileDescriptor = file.handle.fd;
    const running =
      threads !== undefined
        ? threads.start(plan, fileDescriptor, events)
        : startPlainSession({
            plan,
            fileDescriptor,
            clock: options.clock,
            events,
            listening: plan.singlePort ? ports?.port(plan.local) : undefined,
          });
    running.catch(options.onFatal);
    sessions.set(session, { plan, file, running });
  };

  const sendToSession = (session: TftpSessionId, input: SessionInput): void => {
    sessions.get(session)?.running.then((running) => running.deliver(input));
  };

  const endSession = (id: TftpSessionId, { outcome, detail, bytesDone }: SessionEnd): void => {
    const session = sessions.get(id);
    if (session === undefined) return;
    sessions.delete(id);
    session.file.users--;
    closeUnused(session.file);
    host.deliver({ type: "session-ended", session: id, outcome, bytesDone });
    options.onSessionEnd?.(session.plan, outcome, detail);
  };

  const endOffer = async (fileName: string): Promise<void> => {
    const file = files.get(fileName);
    if (file === undefined) return;
    files.delete(fileName);
    host.deliver({ type: "withdraw", fileName });
    file.withdrawn = true;
    closeUnused(file);
    await file.closed;
  };

  const withdraw = (fileName: string): Promise<void> => {
    newestOffers.delete(fileName);
    return endOffer(fileName);
  };

  const opened = await openListeningPorts(
    options.listen,
    (local, bytes, from) => host.deliver({ type: "request", from, local, bytes }),
    () => {}, // A reply that the host could not send is lost as any other: the peer asks again.
  );
  if (!opened.ok) return opened;
  ports = opened.value;
  const listening = opened.value;

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    newestOffers.clear();
    await Promise.all([...files.keys()].map(withdraw));
    host.deliver({ type: "stop" });
    host.stop();
    await Promise.all([listening.close(), threads?.close()]);
  };

  return success({
    local: listening.local,
    engine: threads === undefined ? "plain" : "native",
    offer: async (fileName, { path }) => {
      const offer = ++offers;
      newestOffers.set(fileName, offer);
      const file = await openFile(path);
      if (!file.ok) return file;
      const { handle, sizeBytes } = file.value;
      if (newestOffers.get(fileName) !== offer || closing !== undefined) {
        await handle.close();
        return success({ sizeBytes, offered: false });
      }
      // The transfers of a replaced offer end in their own time.
      endOffer(fileName).catch(options.onFatal);
      let markClosed: () => void = () => {};
      const closed = new Promise<void>((resolve) => {
        markClosed = resolve;
      });
      files.set(fileName, { handle, users: 0, withdrawn: false, closed, markClosed });
      host.deliver({ type: "offer", fileName, sizeBytes });
      threads?.prepare();
      return success({ sizeBytes, offered: true });
    },
    withdraw,
    setSessionsMax: (sessionsMax) => host.deliver({ type: "sessions-max", sessionsMax }),
    serving: () => machine.serving(),
    close: () => {
      closing ??= close();
      return closing;
    },
  });
}

async function openFile(path: string): Promise<Result<{ handle: FileHandle; sizeBytes: number }>> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const stat = await handle.stat();
    if (stat.isFile()) return success({ handle, sizeBytes: stat.size });
    await handle.close();
    return failure("not-a-file", `${path} is not a regular file; offer a file`);
  } catch (error) {
    await handle?.close();
    return failure("unreadable-file", `${path} cannot be read: ${(error as Error).message}`);
  }
}

function closeUnused(file: OfferedFile): void {
  if (file.withdrawn && file.users === 0) file.handle.close().then(file.markClosed, file.markClosed);
}
