import t from "tap";
import type { Door } from "../../../src/admin/door.js";
import { incorrectUsage, OperatorCommands } from "../../../src/cli/shell/operator-commands.js";
import { operatorGrammar } from "../../../src/cli/table.js";
import type { Order } from "../../../src/core/controller/orders.js";

const setUp = () => {
  const orders: Order[] = [];
  const door = {
    order: async (order: Order) => {
      orders.push(order);
      if (order.type === "group-delete") return { ok: false, failure: { code: "unknown-group", message: "There is no group x" } };
      return { ok: true, value: order.type === "show-boot" ? { primary: "8.10.183.0", backup: null } : null };
    },
  } as unknown as Door;
  return { orders, commands: new OperatorCommands(operatorGrammar, { door }) };
};
const no = async (): Promise<undefined> => undefined;

t.test("words are abbreviated as on the vendor's controller", async (t) => {
  const { orders, commands } = setUp();
  t.equal((await commands.run("conf flex gr branch pre sl retry 7", no)).exitCode, 0);
  t.same(orders, [{ type: "group-retry-count", group: "branch", retryCount: 7 }]);
  t.match(await commands.run("sh bo", no), { exitCode: 0, text: /^Primary Boot Image\.+ 8\.10\.183\.0/ });
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
  t.match(commands.complete("sho"), { line: "show " });
  t.match(commands.complete("show flexconnect group s"), { line: "show flexconnect group summary " });
  t.match(commands.complete("show ap s"), { line: "show ap s", choices: ["summary", "status"] });
  t.match(commands.complete("zzz"), { line: "zzz", choices: [] });
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
