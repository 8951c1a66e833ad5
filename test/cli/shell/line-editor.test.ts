import t from "tap";
import { type Key, KeyReader } from "../../../src/cli/shell/keys.js";
import { LineEditor, type LineEvent } from "../../../src/cli/shell/line-editor.js";
import fc from "../../support/properties.js";

const words = ["show", "shutdown", "config"];
const editorFor = (): LineEditor => new LineEditor({ help: () => ["show   Display"] });

/** One key, and what a shell does about a tab. */
function press(editor: LineEditor, key: Key): { draw: string; event?: LineEvent } {
  const line = key.type === "tab" ? editor.toComplete() : undefined;
  if (line === undefined) return editor.key(key);
  const choices = words.filter((word) => word.startsWith(line));
  return { draw: editor.complete({ line: choices.length === 1 ? `${choices[0]} ` : line, choices }) };
}

const introducer = "\\u001b\\[";
const terminalToken = new RegExp(`${introducer}\\d*[A-Z]|[\\s\\S]`, "gu");
const cursorSequence = new RegExp(`^${introducer}(\\d*)([A-Z])$`);

/** A terminal of one row that understands what the editor draws. */
class Row {
  cells: string[] = [];
  at = 0;
  above: string[] = [];
  draw(text: string): void {
    for (const token of text.match(terminalToken) ?? []) {
      const sequence = cursorSequence.exec(token);
      const count = Number(sequence?.[1] || 1);
      if (sequence?.[2] === "D") this.at = Math.max(0, this.at - count);
      else if (sequence?.[2] === "C") this.at += count;
      else if (sequence?.[2] === "K") this.cells.length = this.at;
      else if (token === "\n") {
        this.above.push(this.cells.join(""));
        this.cells = [];
      } else if (token === "\r") this.at = 0;
      else if (sequence === null) this.cells[this.at++] = token;
    }
  }
  get text(): string {
    return this.cells.join("");
  }
}

const type = (editor: LineEditor, input: string, row = new Row()): { events: LineEvent[]; row: Row } => {
  const events: LineEvent[] = [];
  row.draw(editor.begin("> "));
  for (const key of new KeyReader().read(input)) {
    const { draw, event } = press(editor, key);
    row.draw(draw);
    if (event !== undefined) {
      events.push(event);
      row.draw(editor.begin("> "));
    }
  }
  return { events, row };
};

const cases: readonly { name: string; input: string; line: string; shown?: string }[] = [
  { name: "plain", input: "show boot\r", line: "show boot" },
  { name: "backspace", input: "shox\x7fw\r", line: "show" },
  { name: "backspace at the start", input: "\x7fa\r", line: "a" },
  { name: "insert in the middle", input: "sow\x1b[D\x1b[Dh\r", line: "show" },
  { name: "delete forward", input: "xshow\x01\x1b[3~\r", line: "show" },
  { name: "erase a word", input: "show  boot\x17ap\r", line: "show  ap" },
  { name: "erase the line before the cursor", input: "garbage\x15show\r", line: "show" },
  { name: "erase to the end", input: "show boot\x1b[D\x1b[D\x1b[D\x1b[D\x0bap\r", line: "show ap" },
  { name: "home and end", input: "how\x01s\x05 x\r", line: "show x" },
  { name: "completion of the only word", input: "con\tx\r", line: "config x" },
  { name: "completion that stays open", input: "sh\tx\r", line: "shx" },
  { name: "help keeps the line", input: "sh?o\r", line: "sho" },
  { name: "unknown sequences are nothing", input: "a\x1b[99;5Zb\x1bxc\x1b\r", line: "abc" },
];
for (const { name, input, line } of cases) {
  t.test(name, async (t) => {
    const { events } = type(editorFor(), `${input}\r`);
    t.same(events[0], { type: "line", line });
  });
}

t.test("CR LF is one enter", async (t) => {
  t.same(type(editorFor(), "a\r\nb\n").events, [
    { type: "line", line: "a" },
    { type: "line", line: "b" },
  ]);
});

t.test("history: up, down and back to the draft", async (t) => {
  const up = "\x1b[A";
  const down = "\x1b[B";
  const { events } = type(editorFor(), `one\rtwo\rdraft${up}${up}${up}\r${up}${up}${down}\rdraft${up}${down}!\r`);
  t.same(
    events.map((event) => (event.type === "line" ? event.line : event.type)),
    ["one", "two", "one", "one", "draft!"],
  );
});

t.test("Control-C drops the line, Control-D leaves on an empty one", async (t) => {
  t.same(
    type(editorFor(), "abc\x03\x04").events.map(({ type }) => type),
    ["interrupt", "end-of-input"],
  );
  t.same(type(editorFor(), "abc\x01\x04\r").events, [{ type: "line", line: "bc" }], "elsewhere it deletes forward");
});

t.test("a secret is drawn as asterisks and kept out of the history", async (t) => {
  const editor = editorFor();
  const row = new Row();
  row.draw(editor.begin("Password:", { kind: "answer", secret: true }));
  for (const key of new KeyReader().read("s3?t")) row.draw(editor.key(key).draw);
  t.equal(row.text, "Password:****");
  t.same(editor.key({ type: "enter" }).event, { type: "line", line: "s3?t" });
  editor.begin("> ");
  t.equal(editor.key({ type: "up" }).draw, "");
});

t.test("a tab completes a command at its end alone, and lists what can be read", async (t) => {
  const editor = editorFor();
  const row = new Row();
  row.draw(editor.begin("> "));
  row.draw(editor.key({ type: "text", text: "sh" }).draw);
  row.draw(editor.complete({ line: "sh", choices: Array.from({ length: 1000 }, (_, index) => `show${index}`) }));
  t.equal(row.text, "> sh");
  t.match(row.above.at(-1), /^show0 {2}show1 .* show59 {2}… and 940 more$/);
  editor.key({ type: "left" });
  t.equal(editor.toComplete(), undefined);
  editor.begin("User: ", { kind: "answer", secret: false });
  t.equal(editor.toComplete(), undefined);
});

t.test("a line never grows beyond 1,024 characters", async (t) => {
  const { events } = type(editorFor(), `${"x".repeat(5000)}\r`);
  t.equal(events[0]?.type === "line" && events[0].line.length, 1024);
});

t.test("the terminal always shows the line and the cursor where they are, however keys are cut into packets", async (t) => {
  const plain = fc.constantFrom<Key["type"]>(
    "backspace",
    "delete",
    "left",
    "right",
    "home",
    "end",
    "erase-word",
    "erase-to-end",
    "up",
    "down",
  );
  const key = fc.oneof(
    fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom("a", "b", " ") }).map((text): Key => ({ type: "text", text })),
    plain.map((type) => ({ type }) as Key),
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 60 }), (keys) => {
      const editor = editorFor();
      const row = new Row();
      row.draw(editor.begin("> "));
      for (const pressed of keys) row.draw(editor.key(pressed).draw);
      const shown = row.text;
      const cursor = row.at;
      row.draw(editor.key({ type: "text", text: "|" }).draw);
      const { event } = editor.key({ type: "enter" });
      const line = event?.type === "line" ? event.line : "";
      return `> ${line}` === row.text && `${shown.slice(0, cursor)}|${shown.slice(cursor)}` === row.text;
    }),
  );
  const input = "sh\x1b[D\x1b[Cow\r\n\x1bOA\r";
  fc.assert(
    fc.property(fc.array(fc.nat(input.length), { maxLength: 6 }), (cuts) => {
      const reader = new KeyReader();
      const edges = [0, ...cuts.sort((a, b) => a - b), input.length];
      const keys = edges.slice(1).flatMap((edge, index) => reader.read(input.slice(edges[index], edge)));
      const joined = (all: readonly Key[]): string => all.map((one) => (one.type === "text" ? one.text : `<${one.type}>`)).join("");
      return joined(keys) === joined(new KeyReader().read(input));
    }),
  );
  t.pass();
});
