/**
 * The operator's shell over SSH. Who may enter and what a line does are ports; this file is the SSH half:
 * methods, channels, terminals, limits.
 *
 * Scripts for the vendor's controllers (netmiko, ansible) log in twice: by the SSH `password` method, and
 * again at the `User:` and `Password:` dialogue that those controllers show inside the session. A client that
 * came by `password` therefore gets the dialogue; one that came by key or `keyboard-interactive` (as OpenSSH
 * does for a person) gets the prompt at once.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from "ssh2";
import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { failure, type Result, success } from "../../base/failure.js";
import { Shell, type ShellCommands } from "../shell/shell.js";

/** Says who somebody is. Undefined for nobody. It delays and counts by itself. */
export interface SshDoor<Identity> {
  password(user: string, password: string, from: string): Promise<Identity | undefined>;
  /** @param key SSH wire form of a public key whose ownership the client proves or is about to prove */
  publicKey(user: string, key: Uint8Array, from: string): Promise<Identity | undefined>;
  /** Told when the client has proved that a key is its own, and is in. */
  enteredByKey(identity: Identity, from: string): void;
  /** Asked once a login: every shell and command of the connection runs on the answer, so that none outlives the login. */
  commands(identity: Identity, from: string): ShellCommands;
}

export interface SshServerOptions<Identity> {
  readonly listen: Endpoint;
  /** Private host keys, PEM or OpenSSH text. */
  readonly hostKeys: readonly string[];
  readonly door: SshDoor<Identity>;
  readonly prompt: string;
  /** A line for the log; `kind` is one of few words. */
  readonly onTrouble: (kind: string, detail: string) => void;
  readonly connectionsMax?: number;
  /** A connection without input for so long is closed. */
  readonly idleMsMax?: number;
}

export interface SshServer {
  readonly local: Endpoint;
  close(): Promise<void>;
}

const methods = ["publickey", "keyboard-interactive", "password"] as const;
const attemptsMax = 6;
const loginMsMax = 60_000;
/** Shells and commands of one connection at one moment. */
const channelsMax = 10;
/** Sessions of one connection that never became either. */
const emptySessionsMax = 64;
const defaults = { connectionsMax: 64, idleMsMax: 30 * 60_000, rows: 24 } as const;

export async function startSshServer<Identity>(options: SshServerOptions<Identity>): Promise<Result<SshServer>> {
  const peers = new Map<string, Peer>();
  const ssh = new ssh2.Server({ hostKeys: [...options.hostKeys], ident: "flexup" }, (connection, { ip, port }) => {
    // A peer that talks nonsense ends its own connection; that is all there is to do.
    connection.on("error", (error) => options.onTrouble("ssh-protocol", `${ip}: ${error.message}`));
    const peer = peers.get(endpointText({ address: ip, port }));
    if (peer !== undefined) serve(connection, ip, peer, options);
  });
  // The listener is ours, so that a peer that neither logs in nor leaves can be cut off.
  const listener = createServer((socket) => {
    const key = endpointText({ address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
    if (peers.size >= (options.connectionsMax ?? defaults.connectionsMax)) {
      options.onTrouble("ssh-connection-limit", key);
      // Whoever only holds a place without logging in gives it up to who comes next.
      const [idlerKey, idler] = [...peers].find(([, { loggedIn }]) => !loggedIn) ?? [];
      if (idler === undefined) {
        socket.destroy();
        return;
      }
      peers.delete(idlerKey as string);
      idler.socket.destroy();
    }
    const peer = { socket, loggedIn: false };
    peers.set(key, peer);
    socket.on("close", () => {
      if (peers.get(key) === peer) peers.delete(key);
    });
    ssh.injectSocket(socket);
  });
  const opened = await new Promise<Error | undefined>((resolve) => {
    listener.once("error", resolve);
    listener.listen(options.listen.port, options.listen.address, () => resolve(undefined));
  });
  if (opened !== undefined) return failure("ssh-port-failed", `SSH cannot listen on ${endpointText(options.listen)}: ${opened.message}`);
  listener.on("error", (error) => options.onTrouble("ssh-listener", error.message));
  const { port } = listener.address() as AddressInfo;
  return success({
    local: { address: options.listen.address, port },
    close: () =>
      new Promise<void>((resolve) => {
        listener.close(() => resolve());
        for (const { socket } of peers.values()) socket.destroy();
      }),
  });
}

/** The other end of a connection. */
interface Peer {
  readonly socket: Socket;
  loggedIn: boolean;
}

function serve<Identity>(connection: Connection, from: string, peer: Peer, options: SshServerOptions<Identity>): void {
  const { door } = options;
  const cut = (): void => void peer.socket.destroy();
  let identity: Identity | undefined;
  let byPassword = false;
  let attempts = 0;
  let idle = setTimeout(cut, loginMsMax);
  const alive = (): void => {
    clearTimeout(idle);
    idle = setTimeout(cut, options.idleMsMax ?? defaults.idleMsMax);
  };
  connection.on("close", () => clearTimeout(idle));

  connection.on("authentication", (context) => {
    if (context.method !== "none" && ++attempts > attemptsMax) {
      cut();
      return;
    }
    const decide = (found: Identity | "unproven" | undefined): void => {
      if (found === undefined) {
        context.reject([...methods]);
        return;
      }
      if (found !== "unproven") {
        identity = found;
        byPassword = context.method === "password";
        if (context.method === "publickey") door.enteredByKey(found, from);
      }
      context.accept();
    };
    authenticate(context, door, from).then(decide, (error: unknown) => {
      options.onTrouble("ssh-login", `${from}: ${(error as Error).message}`);
      decide(undefined);
    });
  });

  connection.on("ready", () => {
    peer.loggedIn = true;
    alive();
    const room = new ChannelRoom();
    const commands = door.commands(identity as Identity, from);
    connection.on("session", (accept, reject) => {
      if (!room.openSession()) {
        reject();
        return;
      }
      const login = byPassword
        ? async (user: string, password: string): Promise<ShellCommands | undefined> => {
            const again = await door.password(user, password, from);
            return again === undefined ? undefined : door.commands(again, from);
          }
        : undefined;
      serveSession(accept(), { prompt: options.prompt, commands, login, alive, room });
    });
  });
}

/** How much one connection has open. A session that ends without a shell or a command cannot be seen to end. */
class ChannelRoom {
  #empty = 0;
  #channels = 0;

  openSession(): boolean {
    return this.#channels < channelsMax && this.#empty++ < emptySessionsMax;
  }

  get hasChannel(): boolean {
    return this.#channels < channelsMax;
  }

  openChannel(): void {
    this.#empty--;
    this.#channels++;
  }

  closeChannel(): void {
    this.#channels--;
  }
}

/** `unproven`: the key is known, and the client is invited to sign with it. */
async function authenticate<Identity>(
  context: AuthContext,
  door: SshDoor<Identity>,
  from: string,
): Promise<Identity | "unproven" | undefined> {
  switch (context.method) {
    case "password":
      return door.password(context.username, context.password, from);
    case "keyboard-interactive": {
      const password = await new Promise<string | undefined>((resolve) => {
        context.prompt([{ prompt: "Password: ", echo: false }], (answers) => resolve(answers?.[0]));
      });
      return password === undefined ? undefined : door.password(context.username, password, from);
    }
    case "publickey": {
      const found = await door.publicKey(context.username, context.key.data, from);
      if (found === undefined || context.signature === undefined || context.blob === undefined) return found && "unproven";
      const key = ssh2.utils.parseKey(context.key.data);
      if (key instanceof Error) return undefined;
      return key.verify(context.blob, context.signature, context.hashAlgo) === true ? found : undefined;
    }
    default:
      return undefined;
  }
}

interface SessionContext {
  readonly prompt: string;
  readonly commands: ShellCommands;
  readonly login: ((user: string, password: string) => Promise<ShellCommands | undefined>) | undefined;
  readonly alive: () => void;
  readonly room: ChannelRoom;
}

function serveSession(session: Session, { prompt, commands, login, alive, room }: SessionContext): void {
  const open = (accept: () => ServerChannel, reject: () => void): ServerChannel | undefined => {
    if (!room.hasChannel) {
      reject();
      return undefined;
    }
    // None where the session has become a shell or a command already, or is ending, whatever the types say.
    const channel = accept() as ServerChannel | undefined;
    if (channel === undefined) return undefined;
    room.openChannel();
    channel.on("close", () => room.closeChannel());
    return channel;
  };

  let rows: number = defaults.rows;
  let shell: Shell | undefined;
  session.on("pty", (accept, _reject, { rows: asked }) => {
    rows = asked || defaults.rows;
    accept?.();
  });
  session.on("window-change", (accept, _reject, { rows: asked }) => {
    shell?.resize(asked || defaults.rows);
    accept?.();
  });
  session.on("env", (accept) => accept?.());
  session.on("shell", (accept, reject) => {
    const channel = open(accept, reject);
    if (channel !== undefined) shell = openShell(channel, { prompt, rows, alive, ...(login === undefined ? { commands } : { login }) });
  });
  session.on("exec", (accept, reject, { command }) => {
    const channel = open(accept, reject);
    if (channel === undefined) return;
    void commands
      .run(command, async () => "y")
      .then(({ text, exitCode }) => {
        channel.write(text);
        channel.exit(exitCode);
        channel.end();
      });
  });
}

interface Terminal {
  readonly prompt: string;
  readonly rows: number;
  readonly alive: () => void;
  readonly commands?: ShellCommands;
  readonly login?: NonNullable<SessionContext["login"]>;
}

function openShell(channel: ServerChannel, { alive, ...terminal }: Terminal): Shell {
  const decoder = new TextDecoder();
  const shell = new Shell({
    ...terminal,
    write: (text) => channel.write(text),
    wantInput: (wanted) => (wanted ? channel.resume() : channel.pause()),
    close: () => {
      channel.exit(0);
      channel.end();
    },
  });
  channel.on("data", (data: Uint8Array) => {
    alive();
    shell.input(decoder.decode(data, { stream: true }));
  });
  channel.on("drain", () => shell.drained());
  channel.on("close", () => shell.end());
  shell.start();
  return shell;
}
