import { setImmediate as turn } from "node:timers/promises";
import t from "tap";
import { Shell } from "../../../src/cli/shell/shell.js";
import type { ShellCommands } from "../../../src/cli/shell/shell-commands.js";

const commands: ShellCommands = {
  run: async (line, ask) => {
    if (line === "ask") return { text: `you said ${await ask("Are you sure? (y/n) ")}\n`, exitCode: 0 };
    if (line === "long") return { text: Array.from({ length: 10 }, (_, index) => `line ${index + 1}\n`).join(""), exitCode: 0 };
    return { text: line === "nothing" ? "" : `ran ${line}\n`, exitCode: 0 };
  },
  complete: async (line) => {
    await turn();
    return line.startsWith("sh") ? { line: "show ", choices: ["show"] } : { line, choices: [] };
  },
  help: () => [],
};

/** A shell, what it wrote since the last look, and whether it hung up. */
const open = (options: Partial<ConstructorParameters<typeof Shell>[0]> = {}) => {
  let written = "";
  const state = { closed: false };
  const shell = new Shell({
    prompt: "(Lab) >",
    write: (text) => {
      written += text;
    },
    close: () => {
      state.closed = true;
    },
    rows: 24,
    ...(options.login === undefined ? { commands } : {}),
    ...options,
  });
  shell.start();
  const say = async (text: string): Promise<string> => {
    shell.input(text);
    for (let round = 0; round < 5; round++) await turn();
    const answer = written;
    written = "";
    return answer;
  };
  return { shell, say, state };
};

t.test("a command, its output and the prompt again", async (t) => {
  const { say } = open();
  t.equal(await say(""), "(Lab) >");
  t.equal(await say("show boot\r"), "show boot\r\nran show boot\r\n\r\n(Lab) >");
  t.equal(await say("nothing\r"), "nothing\r\n\r\n(Lab) >");
  t.equal(await say("  \r"), "  \r\n(Lab) >");
});

t.test("what is typed while a command runs is not lost", async (t) => {
  const { say } = open();
  await say("");
  t.equal(await say("one\rtwo\r"), "one\r\nran one\r\n\r\n(Lab) >two\r\nran two\r\n\r\n(Lab) >");
});

t.test("what is typed while a completion is looked up comes after it", async (t) => {
  const { say, shell } = open();
  await say("");
  t.equal(await say("sh\tboot\r"), "sh\u001b[2Dshow \u001b[Kboot\r\nran show boot\r\n\r\n(Lab) >");
  shell.input("sh\t");
  shell.end();
  t.equal(await say(""), "sh", "a terminal that is gone meanwhile gets nothing more");
});

t.test("output longer than the screen waits, until paging is off", async (t) => {
  const { say } = open({ rows: 5 });
  await say("");
  t.match(await say("long\r"), /line 4\r\n--More-- or \(q\)uit$/);
  t.match(await say(" "), /line 5\r\n[\s\S]*line 8\r\n--More-- or \(q\)uit$/);
  t.match(await say("q"), /\r\n\(Lab\) >$/);
  t.equal(await say("config paging disable\r"), "config paging disable\r\n\r\n(Lab) >");
  t.match(await say("long\r"), /line 1\r\n[\s\S]*line 10\r\n\r\n\(Lab\) >$/);
});

t.test("a command may ask", async (t) => {
  const { say } = open();
  await say("");
  t.equal(await say("ask\r"), "ask\r\nAre you sure? (y/n) ");
  t.equal(await say("y\r"), "y\r\nyou said y\r\n\r\n(Lab) >");
  t.equal(await say("ask\r"), "ask\r\nAre you sure? (y/n) ");
  t.match(await say("\x03"), /you said undefined/);
});

t.test("config alone enters the vendor's config mode, exit leaves it", async (t) => {
  const { say, state } = open();
  await say("");
  t.equal(await say("config\r"), "config\r\n(Lab) config>");
  t.equal(await say("ap reset all\r"), "ap reset all\r\nran config ap reset all\r\n\r\n(Lab) config>");
  t.equal(await say("config ap reset all\r"), "config ap reset all\r\nran config ap reset all\r\n\r\n(Lab) config>");
  t.equal(await say("\r"), "\r\n(Lab) config>");
  await say("paging disable\r");
  t.notMatch(await say("exit\r"), /ran/);
  t.equal(await say("show boot\r"), "show boot\r\nran show boot\r\n\r\n(Lab) >");
  t.match(await say("long\r"), /line 10/);
  await say("config\r");
  await say("logout\r");
  t.ok(state.closed);
});

t.test("help and completion know the mode", async (t) => {
  const asked: string[] = [];
  const { say } = open({
    commands: {
      ...commands,
      complete: async (line) => {
        asked.push(line);
        return { line: `${line}up`, choices: ["up"] };
      },
      help: (line) => {
        asked.push(line);
        return [];
      },
    },
  });
  await say("config\r");
  await say("gro?");
  t.match(await say("\t"), /group/);
  t.same(asked, ["config gro", "config gro"]);
});

t.test("logout, exit and Control-D hang up", async (t) => {
  for (const word of ["logout\r", "exit\r", "\x04"]) {
    const { say, state } = open();
    await say("");
    await say(word);
    t.equal(state.closed, true, JSON.stringify(word));
  }
});

t.test("the vendor's login dialogue", async (t) => {
  const login = async (user: string, password: string): Promise<ShellCommands | undefined> =>
    user === "admin" && password === "right" ? commands : undefined;
  const { say, state } = open({ login });
  t.equal(await say(""), "\r\n\r\n(Cisco Controller) \r\nUser: ");
  t.equal(await say("admin\r"), "admin\r\nPassword:");
  t.equal(await say("wrong\r"), "*****\r\n\r\n\r\n(Cisco Controller) \r\nUser: ");
  await say("admin\r");
  t.match(await say("right\r"), /\(Lab\) >$/);
  t.equal(state.closed, false);

  const guesser = open({ login });
  for (let attempt = 0; attempt < 3; attempt++) await guesser.say("admin\rwrong\r");
  t.equal(guesser.state.closed, true, "three wrong passwords");
});

t.test("a carrier that goes away in the middle of anything leaves nothing waiting", async (t) => {
  const { shell, say } = open();
  await say("ask\r");
  shell.end();
  t.equal(await say("y\r"), "");
});
