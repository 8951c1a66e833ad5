import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2, { type ConnectConfig } from "ssh2";
import t from "tap";
import type { CommandOutcome, ShellCommands } from "../../../src/cli/shell/shell-commands.js";
import { type SshServer, type SshServerOptions, startSshServer } from "../../../src/cli/ssh/server.js";
import { sshHostKeys } from "../../../src/runtime/access/ssh-host-keys.js";

/** ssh2 makes one in 256 that it cannot read. */
function keyPair(): ReturnType<typeof ssh2.utils.generateKeyPairSync> {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(pair.public) instanceof Error)) return pair;
  }
}
const clientKey = keyPair();
const knownKey = ssh2.utils.parseKey(clientKey.public);
if (knownKey instanceof Error) throw knownKey;
const knownBlob = knownKey.getPublicSSH();

const answerTo = (line: string): CommandOutcome =>
  line.startsWith("show") ? { text: `ran ${line}\n`, exitCode: 0 } : { text: "Incorrect usage.\n", exitCode: 2 };
/** Commands so far. */
let ran = 0;
const commands: ShellCommands = {
  run: async (line) => {
    ran++;
    if (line === "show much") return { text: `${"x".repeat(1 << 19)}\n`, exitCode: 0 };
    return answerTo(line);
  },
  complete: async (line) => ({ line, choices: [] }),
  help: () => ["show  Display"],
};

const folder = await mkdtemp(join(tmpdir(), "flexup-ssh-"));
const hostKeys = await sshHostKeys(folder);
const trouble: string[] = [];
/** What the door was told: `commands` once a login, `key` once a login by key. */
const told: string[] = [];
let server: SshServer;

const options: SshServerOptions<string> = {
  listen: { address: "127.0.0.1", port: 0 },
  hostKeys,
  prompt: "(Cisco Controller) >",
  onTrouble: (kind) => trouble.push(kind),
  door: {
    password: async (user, password) => {
      if (user === "broken") throw new Error("the disk is full");
      return user === "admin" && password === "right" ? "admin" : undefined;
    },
    publicKey: async (user, key) => (user === "admin" && Buffer.compare(key, knownBlob) === 0 ? "admin" : undefined),
    userOf: (identity) => identity,
    enteredByKey: (identity, _key, from) => told.push(`key ${identity} ${from}`),
    commands: (identity) => {
      told.push(`commands ${identity}`);
      return commands;
    },
  },
};
const started = async (more: Partial<SshServerOptions<string>> = {}): Promise<SshServer> => {
  const result = await startSshServer({ ...options, ...more });
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
};

t.before(async () => {
  server = await started({ connectionsMax: 2 });
});
t.teardown(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Connects, or says why not. */
const connect = (config: ConnectConfig): Promise<ssh2.Client> =>
  new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on("ready", () => resolve(client));
    client.on("error", reject);
    client.on("keyboard-interactive", (_name, _instructions, _language, prompts, finish) => finish(prompts.map(() => "right")));
    client.connect({ host: "127.0.0.1", port: server.local.port, username: "admin", readyTimeout: 10_000, ...config });
  });

/** Opens a shell, sends each answer when its cue appears, and gives back everything that was shown. */
const converse = (client: ssh2.Client, script: readonly (readonly [cue: RegExp, answer: string])[]): Promise<string> =>
  new Promise((resolve, reject) => {
    client.shell((error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      let shown = "";
      let fresh = "";
      let next = 0;
      channel.on("data", (data: Buffer) => {
        shown += data;
        fresh += data;
        const step = script[next];
        if (step?.[0].test(fresh)) {
          next++;
          fresh = "";
          channel.write(step[1]);
        }
      });
      channel.on("close", () => resolve(shown));
    });
  });

const ended = (client: ssh2.Client): Promise<void> =>
  new Promise((resolve) => {
    client.on("close", () => resolve());
    client.end();
  });

t.test("host keys are made once and kept private", async (t) => {
  t.same(await sshHostKeys(folder), hostKeys);
  t.same((await readdir(folder)).sort(), ["host-ecdsa", "host-ed25519"]);
  for (const file of await readdir(folder)) t.equal((await stat(join(folder, file))).mode & 0o777, 0o600);
});

t.test("a key leads straight to the prompt", async (t) => {
  const client = await connect({ privateKey: clientKey.private });
  const shown = await converse(client, [
    [/>$/, "show boot\r"],
    [/>$/, "logout\r"],
  ]);
  t.match(shown, "(Cisco Controller) >show boot\r\nran show boot\r\n\r\n(Cisco Controller) >logout");
  await ended(client);
});

t.test("keyboard-interactive, as OpenSSH asks a person, leads straight to the prompt", async (t) => {
  const client = await connect({ tryKeyboard: true });
  t.match(await converse(client, [[/>$/, "exit\r"]]), /^\(Cisco Controller\) >exit/);
  await ended(client);
});

t.test("the password method, as automation uses it, meets the vendor's login dialogue", async (t) => {
  const client = await connect({ password: "right" });
  const shown = await converse(client, [
    [/User: $/, "admin\r"],
    [/Password:$/, "right\r"],
    [/>$/, "logout\r"],
  ]);
  t.match(shown, /User: admin\r\nPassword:\*{5}\r\n\(Cisco Controller\) >/);
  await ended(client);
});

/** One command: what it printed, and its exit code. */
const execute = (client: ssh2.Client, line: string): Promise<[shown: string, exitCode: number]> =>
  new Promise((resolve, reject) => {
    client.exec(line, (error, channel) => {
      if (error) return reject(error);
      let shown = "";
      channel.on("data", (data: Buffer) => {
        shown += data;
      });
      channel.on("close", (exitCode: number) => resolve([shown, exitCode]));
    });
  });

t.test("one command, its output and its exit code", async (t) => {
  const client = await connect({ privateKey: clientKey.private });
  for (const [line, text, code] of [
    ["show boot", "ran show boot\n", 0],
    ["nonsense", "Incorrect usage.\n", 2],
  ] as const)
    t.same(await execute(client, line), [text, code]);
  await ended(client);
});

t.test("all that a connection opens stands on its one login", async (t) => {
  told.length = 0;
  const client = await connect({ privateKey: clientKey.private });
  await execute(client, "show boot");
  await converse(client, [[/>$/, "logout\r"]]);
  await execute(client, "show boot");
  t.same(told, ["key admin 127.0.0.1", "commands admin"], "who has lost the login cannot begin again on the old connection");
  await ended(client);
});

t.test("a shell and commands are all there is: no files, no forwarding, no agent", async (t) => {
  const client = await connect({ privateKey: clientKey.private });
  const refusal = (ask: (done: (error: Error | undefined) => void) => void): Promise<Error | undefined> =>
    new Promise((resolve) => ask((error) => resolve(error)));
  t.ok(await refusal((done) => client.sftp((error) => done(error))), "sftp");
  t.ok(await refusal((done) => client.subsys("netconf", (error) => done(error))), "a subsystem");
  t.ok(await refusal((done) => client.forwardOut("127.0.0.1", 1, "127.0.0.1", 22, (error) => done(error))), "a forwarded port");
  t.ok(await refusal((done) => client.forwardIn("127.0.0.1", 0, (error) => done(error))), "a listening port");
  t.ok(await refusal((done) => client.openssh_forwardOutStreamLocal("/tmp/x", (error) => done(error))), "a forwarded socket");
  t.ok(await refusal((done) => client.shell({ x11: true } as never, (error) => done(error as Error | undefined))), "X11");
  t.same(await execute(client, "show boot"), ["ran show boot\n", 0], "and the connection continues");
  await ended(client);
});

t.test("a channel is one shell or one command: what asks for a second on it ends nothing", async (t) => {
  const client = await connect({ privateKey: clientKey.private });
  const before = trouble.length;
  const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) =>
    client.shell((error, opened) => (error ? reject(error) : resolve(opened))),
  );
  // The client itself never does that.
  const { _protocol: wire } = client as unknown as { _protocol: { exec(id: number, line: string, reply: boolean): void } };
  for (let again = 0; again < 20; again++) wire.exec((channel as unknown as { outgoing: { id: number } }).outgoing.id, "show boot", false);
  t.same(await execute(client, "show boot"), ["ran show boot\n", 0]);
  t.same(trouble.slice(before), []);
  await ended(client);
});

t.test("nobody else gets in", async (t) => {
  const stranger = keyPair();
  await t.rejects(connect({ password: "wrong" }), /authentication/);
  await t.rejects(connect({ privateKey: stranger.private }), /authentication/);
  await t.rejects(connect({ username: "root", password: "right" }), /authentication/);
  await t.rejects(connect({}), /authentication/);
});

t.test("connections are bounded", async (t) => {
  const held = [await connect({ privateKey: clientKey.private }), await connect({ privateKey: clientKey.private })];
  await t.rejects(connect({ privateKey: clientKey.private }));
  t.ok(trouble.includes("ssh-connection-limit"));
  await Promise.all(held.map(ended));
  // The server hears of an end a little later than who ended.
  const connectSoon = (): Promise<ssh2.Client> => connect({ privateKey: clientKey.private }).catch(connectSoon);
  await ended(await connectSoon());
});

t.test("a script may log in a dozen times at once", async (t) => {
  const roomy = await started();
  t.teardown(() => roomy.close());
  const { port } = roomy.local;
  const logins = await Promise.allSettled(Array.from({ length: 12 }, () => connect({ port, privateKey: clientKey.private })));
  for (const login of logins) if (login.status === "fulfilled") login.value.end();
  t.equal(logins.filter(({ status }) => status === "fulfilled").length, 12);
});

t.test("connections that never log in keep nobody out", async (t) => {
  const silent = [0, 1, 2, 3].map(() => createConnection(server.local.port, "127.0.0.1").on("error", () => {}));
  t.teardown(() => {
    for (const socket of silent) socket.destroy();
  });
  await Promise.all(silent.slice(0, 2).map((socket) => new Promise((resolve) => socket.once("data", resolve))));
  const client = await connect({ privateKey: clientKey.private });
  t.ok(silent[0]?.destroyed, "who came first and said nothing gave up its place");
  await ended(client);
});

t.test("a connection has a few sessions at one moment, not thousands", async (t) => {
  const client = await connect({ privateKey: clientKey.private });
  const open = () =>
    new Promise<ssh2.ClientChannel | undefined>((resolve) => client.shell((error, channel) => resolve(error ? undefined : channel)));
  const channels = (await Promise.all(Array.from({ length: 30 }, open))).filter((channel) => channel !== undefined);
  t.equal(channels.length, 10);
  await Promise.all(
    channels.map(
      (channel) =>
        new Promise<void>((resolve) =>
          channel
            .on("close", () => resolve())
            .resume()
            .end("logout\r"),
        ),
    ),
  );
  t.ok(await open(), "room again");
  await ended(client);
});

t.test("a login that the store cannot answer is no login, and ends nothing else", async (t) => {
  await t.rejects(connect({ username: "broken", password: "right" }), /authentication/);
  t.ok(trouble.includes("ssh-login"));
  await ended(await connect({ privateKey: clientKey.private }));
});

t.test("a terminal that reads nothing gets no further commands done", async (t) => {
  const before = ran;
  const client = await connect({ privateKey: clientKey.private });
  const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) =>
    client.shell((error, opened) => (error ? reject(error) : resolve(opened))),
  );
  channel.pause();
  const lines = 400;
  for (let line = 0; line < lines; line++) channel.write("show much\r");
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.ok(ran - before < 40, `${ran - before} commands of ${lines} were run`);
  const done = new Promise<void>((resolve) => {
    let prompts = 0;
    channel.on("data", (data: Buffer) => {
      prompts += data.toString().split(">").length - 1;
      if (prompts > lines) resolve();
    });
  });
  channel.resume();
  await done;
  t.equal(ran - before, lines, "none is lost");
  await ended(client);
});

t.test("a connection runs any number of commands one after the other", async (t) => {
  const client = await connect({ privateKey: clientKey.private });
  for (let count = 1; count <= 25; count++) {
    const text = await new Promise((resolve) => {
      client.exec("show boot", (error, channel) => {
        if (error !== undefined) return resolve(error.message);
        let text = "";
        channel.on("data", (data: Buffer) => {
          text += data;
        });
        channel.on("close", () => resolve(text));
      });
    });
    t.equal(text, "ran show boot\n", `command ${count}`);
  }
  await ended(client);
});

t.test("no SHA-1 and no compression are offered", async (t) => {
  const refused: NonNullable<ConnectConfig["algorithms"]>[] = [
    { serverHostKey: ["ssh-rsa"] },
    { hmac: ["hmac-sha1"], cipher: ["aes128-ctr"] },
    { compress: ["zlib"] },
    { kex: ["diffie-hellman-group14-sha1"] },
  ];
  for (const algorithms of refused)
    await t.rejects(connect({ privateKey: clientKey.private, algorithms }), { message: /no matching/ }, JSON.stringify(algorithms));
});

t.test("a port in use is a failure with a reason", async (t) => {
  const second = await startSshServer({
    listen: server.local,
    hostKeys,
    prompt: ">",
    onTrouble: () => {},
    door: {
      password: async () => undefined,
      publicKey: async () => undefined,
      userOf: () => "",
      enteredByKey: () => {},
      commands: () => commands,
    },
  });
  t.match(second, { ok: false, failure: { code: "ssh-port-failed", message: /EADDRINUSE/ } });
});
