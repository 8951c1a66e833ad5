import t from "tap";
import { type SessionThread, SessionThreads } from "../../../src/runtime/tftp/session-threads.js";

t.test("a thread whose module is gone is lost, and the process continues", async (t) => {
  let lose: (thread: SessionThread) => void = () => {};
  const lost = new Promise<SessionThread>((resolve) => {
    lose = resolve;
  });
  const threads = new SessionThreads((thread) => lose(thread), new URL("./no-such-module.js", import.meta.url));
  // Threads do not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  threads.prepare();
  const taken = threads.take();
  t.equal(await lost, taken);
  await threads.close();
});
