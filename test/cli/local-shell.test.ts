import { Readable } from "node:stream";
import t from "tap";
import { failure, success } from "../../src/base/failure.js";
import { ofLines } from "../../src/cli/local-shell.js";
import { OperatorCommands } from "../../src/cli/shell/operator-commands.js";
import { operatorGrammar } from "../../src/cli/table.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";

t.test("lines without a terminal are commands, and the exit code tells of one that was not done", async (t) => {
  const operator = new FakeOperatorPort();
  const commands = new OperatorCommands(operatorGrammar, { operator });
  const run = async (...lines: string[]): Promise<{ code: number; text: string }> => {
    let text = "";
    const code = await ofLines(commands, Readable.from(lines.map((line) => `${line}\n`)), (part) => {
      text += part;
    });
    return { code, text };
  };
  operator.answer = () => success({ primary: "8.10.183.0", backup: null });
  t.match(await run("", "sh boot"), { code: 0, text: /^Primary Boot Image\.+ 8\.10\.183\.0 / });
  t.match(await run("config paging disable", "show boot", "logout", "nonsense"), { code: 0, text: /^Primary Boot Image/ });
  t.match(await run("nonsense", "show boot"), { code: 2, text: /^Incorrect usage\./ });
  operator.answer = () => failure("unknown-group", "There is none.");
  t.match(await run("show flexconnect group G"), { code: 1, text: "There is none. (unknown-group)\n" });
});
