import t from "tap";
import { failure, success } from "../../src/base/failure.js";
import { watchOutcome, watchRun } from "../../src/cli/watch.js";
import type { ApImageRow, RunState } from "../../src/core/controller/views.js";
import { FakeDoor } from "../support/door.js";

const row = (change: Partial<ApImageRow>): ApImageRow =>
  ({
    name: "AP1",
    mac: "m1",
    group: "G",
    role: "subordinateLocal",
    source: "lan",
    status: "Predownloading",
    bytesDone: 0,
    bytesTotal: 100,
    retryCount: 1,
    nextRetrySeconds: null,
    failureReason: null,
    ...change,
  }) as ApImageRow;

/** A run that goes from look to look. */
function branch(looks: readonly { state: RunState; rows: readonly ApImageRow[] }[]) {
  const door = new FakeDoor();
  let at = 0;
  door.answer = (order) => {
    const look = looks[Math.min(at, looks.length - 1)];
    if (order.type === "show-group") return success({ name: "G", run: { id: 3, state: look?.state, release: "primary" } });
    at++;
    return success({ aps: look?.rows });
  };
  return door;
}

function screen(isTTY = false) {
  const written: string[] = [];
  return { written, isTTY, write: (text: string) => written.push(text) };
}

const looks = [
  { state: "running", rows: [row({})] },
  { state: "running", rows: [row({ bytesDone: 50 })] },
  { state: "complete", rows: [row({ status: "Complete", bytesDone: 100 }), row({ mac: "m2", group: "H" })] },
] as const;

t.test("lines for a pipe: one a step, none for bytes", async (t) => {
  const out = screen();
  t.same(await watchRun(branch(looks), "G", { screen: out, json: false, pause: async () => true }), success("complete"));
  t.same(out.written, ["AP1 Predownloading subordinateLocal lan tries 1\n", "AP1 Complete subordinateLocal lan tries 1\n"]);
});

t.test("rows for scripts", async (t) => {
  const out = screen();
  await watchRun(branch(looks), "G", { screen: out, json: true, pause: async () => true });
  t.same(
    out.written.map((line) => JSON.parse(line).status),
    ["Predownloading", "Complete"],
  );
});

t.test("a picture with bars on a terminal", async (t) => {
  const out = screen(true);
  await watchRun(branch(looks), "G", { screen: out, json: false, pause: async () => true });
  t.equal(out.written.length, 3);
  t.ok(out.written[1]?.includes("[############............]  50%"));
  t.ok(out.written[2]?.includes("[########################] 100%"));
  t.notOk(out.written[2]?.includes("m2"), "other groups are not its business");
});

t.test("watching ends with the person or the controller", async (t) => {
  const out = screen();
  t.same(await watchRun(branch(looks), "G", { screen: out, json: false, pause: async () => false }), success("running"));
  const gone = new FakeDoor();
  gone.answer = () => failure("controller-unreachable", "gone");
  t.same(await watchRun(gone, "G", { screen: out, json: false, pause: async () => true }), failure("controller-unreachable", "gone"));
});

t.test("a show command is shown again when it differs", async (t) => {
  const out = screen();
  const texts = ["a\n", "a\n", "b\n"];
  let look = 0;
  await watchOutcome(async () => ({ ok: true, value: texts[look], text: texts[look++] as string }), {
    screen: out,
    json: false,
    pause: async () => look < texts.length,
  });
  t.same(out.written, ["a\n", "b\n"]);
});
