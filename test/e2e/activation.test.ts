/** Activation with real processes: a bad image ends in the rollback of its canary alone, a good one in a branch that runs on it. */
import t from "tap";
import { after, apsOf, before, Fleet, must, until } from "../support/fleet.js";

t.test("a canary that never joins goes back by itself; then the group is activated batch by batch", async (t) => {
  const fleet = await Fleet.start(t);
  const plans = apsOf("AIR-CAP3702I", 3);
  const [primary, canary, other] = plans as [(typeof plans)[0], (typeof plans)[0], (typeof plans)[0]];
  await fleet.join([primary, other]);
  await fleet.join([canary], "--on-reset", "exit");
  await fleet.addImage("AIR-CAP3702I", 2 ** 20);
  await fleet.group("branch", plans);
  await fleet.start("branch");
  await fleet.runOver("branch");
  const detail = await fleet.flexup("show", "flexconnect", "group", "detail", "branch");
  t.match(detail.stdout, "3 APs hold an image that they do not run: config flexconnect group branch activate");

  const started = await fleet.flexup(..."config flexconnect group branch activate pause 0 canary AP2".split(" "));
  t.same([started.code, started.stdout], [0, "Activation of group branch is in batch 1 of 3\n"], started.stderr);
  t.equal((await fleet.aps.get("AP2")?.ended)?.code, 0, "the reset ends its process");
  // The image boots and finds no controller.
  const lost = fleet.startAp(canary, "--on-reset", "exit", "--confirm-seconds", "10", "--controller", `${fleet.network}.255.9:5246`);
  const message = `went back from ${after} to the former image: it joined no controller within 10 s`;
  t.ok(await lost.line((line) => (line["msg"] === message ? line : undefined)), message);
  t.equal((await lost.ended).code, 0);
  await fleet.join([canary]);
  const report = () => fleet.admin.order({ type: "show-activation", group: "branch" });
  t.match(must(await report()), {
    state: { phase: "ended", outcome: "stopped", reason: /AP2 came back on .*: left .* because it joined no controller within 10 s/ },
    counts: { waiting: 2, failed: 1 },
  });
  t.match(await fleet.row("AP2"), { primaryImage: before, backupImage: after });
  t.match(await fleet.row("AP3"), { primaryImage: before, backupImage: after }, "the others stay as they are");

  must(await fleet.admin.order({ type: "group-activate", group: "branch", batch: { kind: "count", aps: 1 }, pauseSeconds: 0 }));
  await fleet.controller.kill();
  await fleet.restartController();
  const over = await until("the end of the activation", async () => {
    const view = must(await report());
    return view.state.phase === "ended" ? view : undefined;
  });
  t.match(over, { state: { outcome: "complete" }, counts: { active: 3 } });
  for (const { name, runningVersion } of must(await fleet.admin.order({ type: "show-ap-summary" }))) t.equal(runningVersion, after, name);
  const shown = await fleet.flexup("show", "flexconnect", "group", "activation", "branch");
  t.match(shown.stdout, /Activation\.+ complete\n/);
});
