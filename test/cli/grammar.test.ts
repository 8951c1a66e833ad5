import t from "tap";
import { Grammar, type MatchOptions } from "../../src/cli/grammar.js";
import { commandTable, operatorGrammar } from "../../src/cli/table.js";
import { splitWords } from "../../src/cli/words.js";
import type { Order } from "../../src/core/controller/operator/orders.js";

const words = (line: string) => splitWords(line) ?? [];

function meaning(line: string, options: MatchOptions = {}): Order | string {
  const match = operatorGrammar.match(words(line), options);
  if (match.type === "error") return match.message;
  return match.command.order?.(match.values) ?? match.command.pattern;
}

const mac = "00:0a:b8:3b:0b:c2";

t.test("the source document's commands, in both vocabularies", async (t) => {
  const group = "Branch 12";
  const cases: readonly (readonly [line: string, order: Order])[] = [
    ["config flexconnect group 'Branch 12' add", { type: "group-add", group }],
    ["config flexconnect group 'Branch 12' delete", { type: "group-delete", group }],
    ["config flexconnect group 'Branch 12' ap add 000a.b83b.0bc2", { type: "group-ap-add", group, mac }],
    ["config flexconnect group 'Branch 12' ap delete 00:0A:B8:3B:0B:C2", { type: "group-ap-delete", group, mac }],
    ["config flexconnect group 'Branch 12' predownload enable", { type: "group-set", group, settings: { predownload: true } }],
    ["config flexconnect group 'Branch 12' predownload disable", { type: "group-set", group, settings: { predownload: false } }],
    ["config flexconnect group 'Branch 12' predownload master AP1", { type: "group-primary-add", group, ap: "AP1" }],
    ["config flexconnect group 'Branch 12' predownload primary AP1", { type: "group-primary-add", group, ap: "AP1" }],
    ["config flexconnect group 'Branch 12' predownload master AP1 delete", { type: "group-primary-remove", group, ap: "AP1" }],
    ["config flexconnect group 'Branch 12' predownload slave ap-name AP2", { type: "group-subordinate-add", group, ap: "AP2" }],
    ["config flexconnect group 'Branch 12' predownload subordinate ap-name AP2", { type: "group-subordinate-add", group, ap: "AP2" }],
    ["config flexconnect group 'Branch 12' predownload slave ap-name AP2 delete", { type: "group-subordinate-remove", group, ap: "AP2" }],
    ["config flexconnect group 'Branch 12' predownload slave retry-count 63", { type: "group-set", group, settings: { retryCount: 63 } }],
    [
      "config flexconnect group 'Branch 12' predownload slave backoff 0.5 1.25",
      { type: "group-set", group, settings: { backoffSecondsMin: 0.5, backoffSecondsMax: 1.25 } },
    ],
    ["config flexconnect group 'Branch 12' predownload start primary", { type: "group-start", group, release: "primary" }],
    ["config flexconnect group 'Branch 12' predownload start backup", { type: "group-start", group, release: "backup" }],
    ["config flexconnect group 'Branch 12' predownload start backup force", { type: "group-start", group, release: "backup", force: true }],
    ["config flexconnect group 'Branch 12' predownload start abort", { type: "group-abort", group }],
    [
      "config flexconnect group 'Branch 12' predownload wan rate off",
      { type: "group-set", group, settings: { wan: { bytesPerSecondMax: null } } },
    ],
    [
      "config flexconnect group 'Branch 12' predownload wan rate 500k",
      { type: "group-set", group, settings: { wan: { bytesPerSecondMax: 500_000 } } },
    ],
    [
      "config flexconnect group 'Branch 12' predownload wan rate 1250000",
      { type: "group-set", group, settings: { wan: { bytesPerSecondMax: 1_250_000 } } },
    ],
    ["config ap image predownload primary all", { type: "ap-predownload", ap: "all", release: "primary" }],
    ["config ap image predownload primary all force", { type: "ap-predownload", ap: "all", release: "primary", force: true }],
    ["config ap image predownload abort AP1", { type: "ap-predownload-abort", ap: "AP1" }],
    ["config ap image swap AP1", { type: "ap-swap", ap: "AP1" }],
    ["config ap reset all", { type: "ap-reset", ap: "all" }],
    ["show ap image all", { type: "show-ap-image", ap: "all" }],
    ["show ap image AP1", { type: "show-ap-image", ap: "AP1" }],
    ["show ap summary", { type: "show-ap-summary" }],
    ["show flexconnect group summary", { type: "show-group-summary" }],
    ["show flexconnect group detail 'Branch 12'", { type: "show-group", group }],
    ["show flexconnect group 'Branch 12'", { type: "show-group", group }],
    ["show flexconnect group 'Branch 12' aps", { type: "show-group", group }],
    ["show flexconnect group detail summary", { type: "show-group", group: "summary" }],
    ["show flexconnect group 'summary'", { type: "show-group", group: "summary" }],
    ["show boot", { type: "show-boot" }],
    ["image ls", { type: "show-images" }],
    ["image parity", { type: "show-peer" }],
    ["show sysinfo", { type: "show-system" }],
    ["image rm 3", { type: "image-remove", imageId: "3" }],
  ];
  for (const [line, order] of cases) t.same(meaning(line), order, line);
});

t.test("a wrong command is told what was expected", async (t) => {
  const cases: readonly (readonly [line: string, message: string])[] = [
    ["", "No command given: expected show, config or image"],
    ["shwo ap", 'Unexpected "shwo": expected show, config or image'],
    ["show ap", 'Incomplete command "show ap": expected image, predownload, summary, status, security or credential'],
    ["show ap image", 'Incomplete command "show ap image": expected the name or MAC address of an AP, or all'],
    ["show boot now", 'Unexpected "now" after "show boot": expected nothing more'],
    [
      "config flexconnect group G predownload slave retry-count 64",
      'Unexpected "64" after "config flexconnect group G predownload slave retry-count": expected a whole number from 1 to 63',
    ],
    [
      "config flexconnect group G predownload slave retry-count 0",
      'Unexpected "0" after "config flexconnect group G predownload slave retry-count": expected a whole number from 1 to 63',
    ],
    [
      "config flexconnect group G predownload slave backoff 100 3601",
      'Unexpected "3601" after "config flexconnect group G predownload slave backoff 100": expected seconds from 0 to 3600',
    ],
    [
      "config flexconnect group G predownload start now",
      'Unexpected "now" after "config flexconnect group G predownload start": expected abort, primary or backup',
    ],
    [
      "config flexconnect group G predownload",
      'Incomplete command "config flexconnect group G predownload": expected enable, disable, distribution, serve-rate, tftp-address, slave, subordinate, wave2-refetch, wan, master, primary or start',
    ],
    [
      "config flexconnect group G ap add 00:0a:b8",
      'Unexpected "00:0a:b8" after "config flexconnect group G ap add": expected a MAC address such as 00:0a:b8:3b:0b:c2',
    ],
    ["config flexconnect group '' add", 'Unexpected "" after "config flexconnect group": expected the name of a FlexConnect group'],
    [
      "image add f --version 1 --release primary",
      'Incomplete command "image add f": expected --models with model or family names separated by commas, such as AIR-AP2802I,AIR-AP3802I',
    ],
    ["image add f --version 1 --models a --release third", 'Unexpected "third" after --release: expected primary or backup'],
    ["image add f --models", "Option --models has no value: expected one after it"],
    ["image add f --models a --models b", "Option --models is given twice: expected it once"],
    ["image add f --model a", "Unknown option --model: expected --version, --models, --release or --bundle, or none"],
    ["show boot --version 1", 'Unexpected option --version after "show boot": expected no option'],
  ];
  for (const [line, message] of cases) t.equal(meaning(line), message, line);
});

t.test("options may stand anywhere and carry = or a blank", async (t) => {
  const match = operatorGrammar.match(words("image --release=backup add ./a.tar --models 'A, B' --version 8.5"));
  t.match(match, { type: "command", values: { file: "./a.tar", models: ["A", "B"], version: "8.5", release: "backup" } });
});

t.test("optional words with a value, in their order", async (t) => {
  const activate = "config flexconnect group G activate";
  t.same(meaning(activate), { type: "group-activate", group: "G" });
  t.same(meaning(`${activate} now batch 25% pause 0 max-failures 2 order random canary AP1,AP2 force`), {
    type: "group-activate",
    group: "G",
    batch: { kind: "percent", percent: 25 },
    pauseSeconds: 0,
    failuresMax: 2,
    order: "random",
    canary: ["AP1", "AP2"],
    force: true,
  });
  t.same(meaning(`${activate} at 2027-03-28T02:30+01:00 pause 5`), {
    type: "group-activate",
    group: "G",
    at: Date.UTC(2027, 2, 28, 1, 30),
    pauseSeconds: 5,
  });
  const phases = [
    { percent: 1, failuresMax: 0 },
    { percent: 100, failuresMax: 5 },
  ];
  t.same(meaning(`${activate} preview batch 1:0,100:5`), {
    type: "group-activation-preview",
    group: "G",
    batch: { kind: "phases", phases },
  });
  t.same(meaning(`${activate} pause`), { type: "group-activation-pause", group: "G" });
  t.match(meaning(`${activate} batch`), /^Incomplete command .*: expected APs in a batch/);
  for (const batch of ["0", "101%", "1,2", "1:0,200:1", "x"]) t.match(meaning(`${activate} batch ${batch}`), /^Unexpected/, batch);
  for (const time of ["2027-03-28T02:30", "now", "2027-13-28T02:30Z"]) t.match(meaning(`${activate} at ${time}`), /^Unexpected/, time);
  t.match(meaning(`${activate} pause 5 batch 3`), /^Unexpected "batch"/);
});

t.test("abbreviations are read where they are asked for", async (t) => {
  const abbreviations = { abbreviations: true };
  t.same(meaning("sh fl gr su", abbreviations), { type: "show-group-summary" });
  t.same(meaning("sh fl gr det G", abbreviations), { type: "show-group", group: "G" });
  t.same(meaning("conf fl gr G pre sl retry 5", abbreviations), { type: "group-set", group: "G", settings: { retryCount: 5 } });
  t.equal(meaning("show ap s", abbreviations), 'Ambiguous "s" after "show ap": expected summary, status or security');
  t.equal(meaning("sh boot"), 'Unexpected "sh": expected show, config or image');
});

t.test("what may come next is listed for help and completion", async (t) => {
  t.same(operatorGrammar.next(words("show")), {
    suggestions: [
      { word: "ap", what: "" },
      { word: "flexconnect", what: "" },
      { word: "sysinfo", what: "version, whether the controller can store, its certificate" },
      { word: "boot", what: "versions of the two releases" },
    ],
    mayEnd: false,
  });
  t.same(operatorGrammar.next(words("config ap reset")).suggestions, [
    { word: "<ap-or-all>", what: "the name or MAC address of an AP, or all" },
  ]);
  t.equal(operatorGrammar.next(words("show flexconnect group G")).mayEnd, true);
  t.same(operatorGrammar.next(words("nothing such")), { suggestions: [], mayEnd: false });
  t.same(
    operatorGrammar.beginningWith(words("image")).map(({ pattern }) => pattern),
    [
      "image add <file> --version <version> --models <models> --release <release> [--bundle <bundle>]",
      "image ls",
      "image parity",
      "image rm <image>",
    ],
  );
  t.equal(operatorGrammar.beginningWith([]).length, commandTable.length);
});

t.test("a table that contradicts itself is our bug", async (t) => {
  t.throws(() => new Grammar([{ pattern: "a <ap>" }, { pattern: "a <ap>" }]), /two commands are typed like/);
  t.throws(() => new Grammar([{ pattern: "a <ap>" }, { pattern: "a <mac>" }]), /in one place/);
  t.throws(() => new Grammar([{ pattern: "a <nothing>" }]), /no parameter/);
});
