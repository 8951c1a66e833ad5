/**
 * The operator's shell over SSH: methods, channels, terminals, limits. Authentication and commands are ports.
 *
 * Scripts for the vendor's controllers (netmiko, ansible) log in twice: by the SSH `password` method, and
 * again at the `User:` and `Password:` dialogue that those controllers show inside the session. A client that
 * used `password` therefore gets the dialogue; one that used a key or `keyboard-interactive` (as OpenSSH
 * does for a person) gets the prompt at once.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import ssh2, { type Algorithms, type AuthContext, type Connection, type ServerChannel, type Session } from "ssh2";
import { ConnectionLimit } from "../../admin/connection-limit.js";
import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { failure, type Result, success } from "../../base/failure.js";
import { Shell } from "../shell/shell.js";
import type { ShellCommands } from "../shell/shell-commands.js";

/** Authenticates. Undefined: refused. It delays and counts attempts by itself. */
export interface SshDoor<Identity> {
  password(user: string, password: string, from: string): Promise<Identity | undefined>;
  /** @param key SSH wire form of a public key whose ownership the client proves or is about to prove */
  publicKey(user: string, key: Uint8Array, from: string): Promise<Identity | undefined>;
  /** The client has proved that a key is its own, and is logged in. */
  enteredByKey(identity: Identity, key: Uint8Array, from: string): void;
  /** Name of the user, whose connections share a limit. */
  userOf(identity: Identity): string;
  /** Called once per login: every shell and command of the connection uses the result, so that none outlives the login. */
  commands(identity: Identity, from: string): ShellCommands;
}

export interface SshServerOptions<Identity> {
  readonly listen: Endpoint;
  /** Private host keys, PEM or OpenSSH text. */
  readonly hostKeys: readonly string[];
  readonly door: SshDoor<Identity>;
  readonly prompt: string;
  /** For the log; `kind` is one of a few fixed words. */
  readonly onTrouble: (kind: string, detail: string) => void;
  readonly connectionsMax?: number;
  /** A connection without input for this long is closed. */
  readonly idleMsMax?: number;
}

export interface SshServer {
  readonly local: Endpoint;
  close(): Promise<void>;
}

const methods = ["publickey", "keyboard-interactive", "password"] as const;
const attemptsMax = 6;
const loginMsMax = 60_000;
/** Simultaneous shells and commands of one connection. */
const channelsMax = 10;
/** Sessions of one connection that became neither. */
const emptySessionsMax = 64;
const connectionsPerUserMax = 16;
/** A user's script may log in on all of its connections at once. */
const strangersPerNetworkMax = connectionsPerUserMax;
const defaults = { connectionsMax: 64, idleMsMax: 30 * 60_000, rows: 24 } as const;

/** No SHA-1 (RFC 9142, RFC 8332), and no compression, which would unpack a stranger's bytes. */
const algorithms: Algorithms = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
  ],
  serverHostKey: ["ssh-ed25519", "ecdsa-sha2-nistp256"],
  cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
  compress: ["none"],
};

export async function startSshServer<Identity>(options: SshServerOptions<Identity>): Promise<Result<SshServer>> {
  /** By the client's endpoint, which is all that ssh2 knows of a connection. */
  const sockets = new Map<string, Socket>();
  const connectionsMax = options.connectionsMax ?? defaults.connectionsMax;
  const limit = new ConnectionLimit<Socket>({ connectionsMax, strangersPerNetworkMax, connectionsPerUserMax }, (socket, reason) => {
    options.onTrouble("ssh-connection-limit", `${socket.remoteAddress}: ${reason}`);
    socket.destroy();
  });
  const ssh = new ssh2.Server({ hostKeys: [...options.hostKeys], ident: "flexup", algorithms }, (connection, { ip, port }) => {
    // Nonsense from the client ends its own connection; there is nothing else to do.
    connection.on("error", (error) => options.onTrouble("ssh-protocol", `${ip}: ${error.message}`));
    const socket = sockets.get(endpointText({ address: ip, port }));
    if (socket !== undefined) serve(connection, ip, { socket, limit }, options);
  });
  // The listener is ours, so that a client that neither logs in nor leaves can be cut off.
  const listener = createServer((socket) => {
    const address = socket.remoteAddress ?? "";
    const key = endpointText({ address, port: socket.remotePort ?? 0 });
    sockets.set(key, socket);
    socket.on("close", () => {
      limit.closed(socket);
      if (sockets.get(key) === socket) sockets.delete(key);
    });
    limit.open(socket, address);
    if (!socket.destroyed) ssh.injectSocket(socket);
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
        for (const socket of sockets.values()) socket.destroy();
      }),
  });
}

/** A connection below SSH, and the places that it competes for. */
interface Peer {
  readonly socket: Socket;
  readonly limit: ConnectionLimit<Socket>;
}

function serve<Identity>(connection: Connection, from: string, peer: Peer, options: SshServerOptions<Identity>): void {
  const { door } = options;
  const cut = (): void => void peer.socket.destroy();
  let identity: Identity | undefined;
  let byPassword = false;
  let attempts = 0;
  let idle = setTimeout(cut, loginMsMax);
  const alive = (): void => {
    peer.limit.touch(peer.socket);
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
        if (context.method === "publickey") door.enteredByKey(found, context.key.data, from);
      }
      context.accept();
    };
    authenticate(context, door, from).then(decide, (error: unknown) => {
      options.onTrouble("ssh-login", `${from}: ${(error as Error).message}`);
      decide(undefined);
    });
  });

  connection.on("ready", () => {
    peer.limit.logIn(peer.socket, door.userOf(identity as Identity));
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

/** How much one connection has open. ssh2 does not report the end of a session that never became a shell or a command. */
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

/** `unproven`: the key is known, and the client may sign with it. An RSA key must sign with SHA-2 (RFC 8332). */
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
      if (key instanceof Error || (key.type === "ssh-rsa" && context.hashAlgo === undefined)) return undefined;
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
    // Despite its type undefined where the session already is a shell or a command, or is ending.
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
    alive();
    // Commands read no input, but without a reader the client's end of it would never arrive, nor the channel's close.
    channel.resume();
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
