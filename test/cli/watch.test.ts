import t from "tap";
import { failure, success } from "../../src/base/failure.js";
import type { Outcome } from "../../src/cli/command.js";
import { UploadProgress } from "../../src/cli/upload-progress.js";
import { watchOutcome, watchRun } from "../../src/cli/watch.js";
import type { ApImageRow } from "../../src/core/controller/operator/views.js";
import type { RunState } from "../../src/core/controller/run/run.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";

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
  const operator = new FakeOperatorPort();
  let at = 0;
  operator.answer = (order) => {
    const look = looks[Math.min(at, looks.length - 1)];
    if (order.type === "show-group") {
      const counts = { Complete: look?.rows.filter(({ group, status }) => group === "G" && status === "Complete").length };
      return success({
        name: "G",
        run: { id: 3, state: look?.state, release: "primary", counts },
        aps: [{}],
        models: [{ wanBytes: 0, lanBytes: 0 }],
      });
    }
    at++;
    return success({ aps: look?.rows });
  };
  return operator;
}

function screen(isTTY = false) {
  const written: string[] = [];
  return { written, isTTY, write: (text: string) => written.push(text) };
}

const looks = [
  { state: "running", rows: [row({})] },
  { state: "running", rows: [row({ bytesDone: 50 })] },
  { state: "complete", rows: [row({ status: "Complete", bytesDone: 100 }), row({ mac: "m2", name: "AP2", group: "H" })] },
] as const;

const end = "Run 3 of group G ended: complete, 1 of 1 APs complete\n";

t.test("lines for a pipe: one a step, none for bytes, and how it ended", async (t) => {
  const out = screen();
  t.same(await watchRun(branch(looks), "G", { screen: out, json: false, pause: async () => true }), success("complete"));
  t.same(out.written, ["AP1 Predownloading subordinateLocal lan tries 1\n", "AP1 Complete subordinateLocal lan tries 1\n", end]);
});

t.test("rows for scripts, the run last", async (t) => {
  const out = screen();
  await watchRun(branch(looks), "G", { screen: out, json: true, pause: async () => true });
  const lines = out.written.map((line) => JSON.parse(line));
  t.same(
    lines.slice(0, -1).map(({ status }) => status),
    ["Predownloading", "Complete"],
  );
  t.match(lines.at(-1), { id: 3, state: "complete" });
});

const plain = (text: string): string =>
  text
    .split("\u001b[")
    .map((part, index) => (index === 0 ? part : part.replace(/^\??\d*[A-Za-z]/, "")))
    .join("");

/** What a terminal of 80 by 24 shows after each write; undefined while its first screen is shown. */
function frames(written: readonly string[]): (string[] | undefined)[] {
  let second = false;
  return written.map((text) => {
    if (text.includes("\u001b[?1049h")) second = true;
    if (text.includes("\u001b[?1049l")) second = false;
    return second ? plain(text).split("\r\n") : undefined;
  });
}

t.test("a picture with bars on a terminal, which is as it was afterwards", async (t) => {
  const out = screen(true);
  await watchRun(branch(looks), "G", { screen: out, json: false, pause: async () => true });
  const [first, second, third, left, ...after] = frames(out.written);
  t.match(first?.[1], "1 Predownloading | WAN 0 B, LAN 0 B");
  t.match(second?.at(-1), /^AP1 +subordinate +LAN +#+\.+ +50% +1 +Predownloading$/);
  t.match(third?.at(-1), /#{5,} 100% /);
  t.equal(left, undefined);
  t.equal(out.written[3], "\u001b[?25h\u001b[?1049l", "the cursor and the first screen are back");
  t.equal(after.length, 2, "the last picture and the end stay to be read");
  t.match(out.written[4], /100%[^\n]*\n$/);
  t.equal(out.written[5], end);
  t.notOk(out.written.join("").includes("AP2"), "other groups are not its business");
  t.notOk(out.written.join("").includes("\u001b[3J"), "nobody's scrollback is deleted");
});

t.test("a terminal that is small gets no line that wraps and none too many", async (t) => {
  const many = Array.from({ length: 90 }, (_, index) =>
    row({
      mac: `${index}`,
      name: `a-rather-long-name-of-an-access-point-${index}`,
      status: index < 60 ? "Complete" : index < 63 ? "Predownloading" : "Initiated",
      nextRetrySeconds: index < 63 ? null : 1234,
      bytesPerSecond: index < 63 ? 12_345_678 : null,
      bytesDone: 33,
    }),
  );
  for (const [columns, rows] of [
    [80, 24],
    [40, 10],
    [200, 100],
    [0, 0],
  ] as const) {
    const out = { ...screen(true), columns, rows };
    await watchRun(branch([{ state: "running", rows: many }]), "G", { screen: out, json: false, pause: async () => false });
    const [drawn = []] = frames(out.written);
    t.ok(
      drawn.every((line) => line.length <= (columns || 80)),
      `${columns} columns`,
    );
    t.ok(drawn.length <= (rows || 24), `${rows} rows: ${drawn.length}`);
    t.ok(
      drawn.slice(4).some((line) => line.endsWith("  Predownloading")),
      "the status is never cut away",
    );
    if (rows === 24) {
      t.match(drawn.at(-1), "… and 71 more: 60 Complete, 11 Initiated");
      t.equal(drawn.filter((line) => line.includes("Predownloading")).length, 4, "the busy ones come first");
    }
  }
});

t.test("a long text is cut to the terminal, and the terminal given back when the controller goes", async (t) => {
  const out = { ...screen(true), columns: 20, rows: 4 };
  let looks = 0;
  const look = async (): Promise<Outcome> =>
    looks++ === 0 ? { ok: true, value: null, text: `${"x".repeat(50)}\n1\n2\n3\n4\n` } : failure("controller-unreachable", "gone");
  t.match(await watchOutcome(look, { screen: out, json: false, pause: async () => true }), { ok: false });
  t.same(frames(out.written), [["x".repeat(20), "1", "2", "… 2 more lines"], undefined]);
});

t.test("how far an upload is: a bar on a terminal, a line a tenth elsewhere", async (t) => {
  const out = { ...screen(true), columns: 80 };
  const bar = new UploadProgress(out, "ap3g3-k9w8-tar.153-3.JF9.tar");
  bar.sent(500, 1000);
  bar.sent(1000, 1000);
  bar.end();
  for (const text of out.written) t.ok(plain(text).replace("\r", "").length < 80, text);
  t.match(out.written[0], /^\rap3g3-k9w8-tar\.+ \[#{7,}\.{7,}\] +50 %/);
  t.match(out.written[1], "the controller stores it");
  t.equal(out.written.at(-1), "\r\u001b[K");
  bar.sent(1000, 1000);
  t.equal(out.written.at(-1), "\r\u001b[K", "what comes after the end is not drawn");
  const pipe = screen();
  const lines = new UploadProgress(pipe, "a.img");
  for (let bytes = 1; bytes <= 1000; bytes++) lines.sent(bytes, 1000);
  t.equal(pipe.written.length, 9, "the end is told by the command itself");
  t.equal(pipe.written[4], "a.img: 50 %, 500 B of 1.0 kB\n");
});

t.test("watching ends with the person or the controller", async (t) => {
  const out = screen();
  t.same(await watchRun(branch(looks), "G", { screen: out, json: false, pause: async () => false }), success("running"));
  t.equal(out.written.at(-1), 'Run 3 of group G continues; "flexup show flexconnect group detail G" shows it\n');
  const gone = new FakeOperatorPort();
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
