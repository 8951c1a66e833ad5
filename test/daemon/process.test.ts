/** What a daemon says is heard whole, also what it said just before its end. */
import t from "tap";
import { DaemonProcess, type ProcessLine } from "../../src/daemon/process.js";

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
