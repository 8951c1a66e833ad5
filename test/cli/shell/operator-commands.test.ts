import t from "tap";
import type { OperatorPort } from "../../../src/admin/operator-port.js";
import { Grammar } from "../../../src/cli/grammar.js";
import { incorrectUsage, OperatorCommands } from "../../../src/cli/shell/operator-commands.js";
import { operatorGrammar } from "../../../src/cli/table.js";
import type { Order } from "../../../src/core/controller/operator/orders.js";

const setUp = () => {
  const orders: Order[] = [];
  const operator = {
    order: async (order: Order) => {
      orders.push(order);
      if (order.type === "group-delete") return { ok: false, failure: { code: "unknown-group", message: "There is no group x" } };
      if (order.type === "show-group-summary") return { ok: true, value: ["branch-1", "branch 2", "hub"].map((name) => ({ name })) };
      if (order.type === "show-ap-summary") return { ok: false, failure: { code: "controller-unreachable", message: "nobody" } };
      return { ok: true, value: order.type === "show-boot" ? { primary: "8.10.183.0", backup: null } : null };
    },
  } as unknown as OperatorPort;
  return { orders, commands: new OperatorCommands(operatorGrammar, { operator }) };
};
const no = async (): Promise<undefined> => undefined;

t.test("words are abbreviated as on the vendor's controller", async (t) => {
  const { orders, commands } = setUp();
  t.equal((await commands.run("conf flex gr branch pre sl retry 7", no)).exitCode, 0);
  t.same(orders, [{ type: "group-set", group: "branch", settings: { retryCount: 7 } }]);
  t.match(await commands.run("sh bo", no), { exitCode: 0, text: /^Primary Boot Image\.+ 8\.10\.183\.0/ });
});

t.test("what is a command of config mode alone is taken for one", async (t) => {
  const { orders, commands } = setUp();
  t.equal((await commands.run("flexconnect group A1 add", no)).exitCode, 0);
  t.same(orders, [{ type: "group-add", group: "A1" }]);
  t.match(await commands.run("flexconnect nothing", no), { exitCode: 2, text: /Unexpected "flexconnect"/ });
});

t.test("a mistake gets the vendor's line and ours; a refusal gets its reason", async (t) => {
  const { commands } = setUp();
  const wrong = await commands.run("show nothing", no);
  t.equal(wrong.exitCode, 2);
  t.ok(wrong.text.startsWith(`${incorrectUsage}\nUnexpected "nothing" after "show": expected `));
  t.match(await commands.run('show "', no), { exitCode: 2, text: /quote/ });
  t.same(await commands.run("config flexconnect group x delete", no), { exitCode: 1, text: "There is no group x (unknown-group)\n" });
});

t.test("save config asks and says so", async (t) => {
  const { commands } = setUp();
  t.same(await commands.run("save config", async () => "y"), { text: "Configuration Saved!\n", exitCode: 0 });
  t.match(await commands.run("save config", async () => "n"), { exitCode: 1 });
});

t.test("completion: the only word, the common start, nothing", async (t) => {
  const { commands } = setUp();
  t.match(await commands.complete("sho"), { line: "show " });
  t.match(await commands.complete("show flexconnect group s"), { line: "show flexconnect group summary " });
  t.match(await commands.complete("show ap s"), { line: "show ap s", choices: ["summary", "status"] });
  t.match(await commands.complete("zzz"), { line: "zzz", choices: [] });
});

t.test("completion of what the controller knows, quoted where it must be", async (t) => {
  const { commands } = setUp();
  const detail = "sh flex gr det ";
  t.same(await commands.complete(`${detail}h`), { line: `${detail}hub `, choices: ["hub"] });
  t.same(await commands.complete(`${detail}br`), { line: `${detail}br`, choices: ["branch-1", '"branch 2"'] });
  t.same(await commands.complete(`${detail}"branch `), { line: `${detail}"branch 2" `, choices: ['"branch 2"'] });
  t.same(await commands.complete("config flexconnect group hub predownload start p"), {
    line: "config flexconnect group hub predownload start primary ",
    choices: ["primary"],
  });
  t.match(await commands.complete("show ap image a"), { choices: ["all"] }, "a controller that does not answer offers nothing");
});

t.test("what scripts say to a terminal is no mistake where there is none, and a question mark is answered", async (t) => {
  const { commands, orders } = setUp();
  for (const line of ["config paging disable", "CONFIG  PAGING enable", "logout", "exit"])
    t.same(await commands.run(line, no), { text: "", exitCode: 0 }, line);
  for (const line of ["?", "help"]) t.match(await commands.run(line, no), { text: /^show\n/, exitCode: 0 }, line);
  t.match(await commands.run("show ap ?", no), { text: /^image +images/, exitCode: 0 });
  t.match(await commands.run("nonsense ?", no), { text: `${incorrectUsage}\n` });
  t.same(orders, []);
});

t.test("an option where there are none is told from one that is wrong", async (t) => {
  const commands = new OperatorCommands(new Grammar(operatorGrammar.commands.filter(({ needsFiles }) => !needsFiles)), {
    operator: {} as OperatorPort,
  });
  t.match(await commands.run("show boot --json", no), { text: /\nUnknown option --json: expected none\.\n$/ });
});

t.test("help lists what may follow", async (t) => {
  const { commands } = setUp();
  t.ok(commands.help("").some((line) => line.startsWith("show")));
  const shown = commands.help("show ap ");
  t.ok(
    shown.some((line) => /^summary +joined APs$/.test(line)),
    shown.join("\n"),
  );
  t.equal(commands.help("show boot ").at(-1), "<cr>");
});
