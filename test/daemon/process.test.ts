/** What a daemon says is heard whole, also what it said just before its end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { DaemonProcess, type ProcessLine } from "../../src/daemon/process.js";
import { temporaryFolder } from "../support/folder.js";

const numbered = ({ n }: ProcessLine): number | undefined => (typeof n === "number" ? n : undefined);
/** A shell that takes the daemon's place. */
const script = (text: string): DaemonProcess => new DaemonProcess([], process.env, ["sh", "-c", text]);

t.test("a line that comes after the process's end is no less a line", async (t) => {
  const daemon = script(`(sleep 0.5; echo '{"n":2}') & echo '{"n":1}'`);
  t.equal(await daemon.line(numbered), 1);
  while (daemon.running) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(await daemon.line(({ n }) => (n === 2 ? n : undefined)), 2);
});

t.test("a line that never comes is an error with what was said instead", async (t) => {
  const daemon = script(`echo '{"n":1}'; echo 'it is full' >&2; exit 3`);
  await t.rejects(
    daemon.line(({ n }) => (n === 2 ? n : undefined)),
    { message: "flexup ended before the awaited log line: it is full" },
  );
  t.match(await daemon.ended, { code: 3 });
  t.equal(await daemon.line(numbered), 1, "what it said before can still be read");
});

t.test("a daemon does not outlive the program that started it, even one that is killed", async (t) => {
  const module = new URL("../../src/daemon/process.js", import.meta.url).href;
  const doors = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  const args = JSON.stringify(["controller", "--data", temporaryFolder(t), ...doors, "--lab"]);
  const program = `const { DaemonProcess } = await import("${module}");
    const daemon = new DaemonProcess(${args});
    await daemon.line(({ event }) => event === "ready" || undefined);
    console.log(daemon.pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [pid] = (await once(parent.stdout, "data")) as [Buffer];
  parent.kill("SIGKILL");
  const isAlive = (): boolean => {
    try {
      return process.kill(Number(pid), 0);
    } catch {
      return false;
    }
  };
  for (const deadline = performance.now() + 15_000; isAlive() && performance.now() < deadline; ) await sleep(50);
  t.notOk(isAlive());
});
