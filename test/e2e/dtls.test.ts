/** Controller and APs as processes whose control channel is DTLS: join, upgrade, a controller that comes back, strangers. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { apReady } from "../../src/daemon/ready.js";
import { loadDtls } from "../../src/runtime/dtls/addon.js";
import { Fleet, must, until } from "../support/fleet.js";
import { temporaryFolder } from "../support/folder.js";

const skip = loadDtls() === undefined && "the DTLS add-on is not built here";
const model = "AIR-AP2802I";
const plans = [1, 2, 3].map((number) => ({ name: `ap-${number}`, mac: `02:00:00:00:d7:0${number}`, model }));
const [first, second, third] = plans as [(typeof plans)[0], (typeof plans)[0], (typeof plans)[0]];

function joinToken(t: Test, text = randomBytes(32).toString("hex")): string {
  const path = join(temporaryFolder(t), "token");
  writeFileSync(path, `${text}\n`);
  return path;
}

t.test("an upgrade over DTLS, images and a restart of the controller included", { skip }, async (t) => {
  const token = ["--join-token-file", joinToken(t)];
  const fleet = await Fleet.start(t, token);
  await fleet.join([first, second], ...token);
  const { sha256, content } = await fleet.addImage(model, 3_000_000);
  await fleet.group("branch", [first, second]);
  await fleet.start("branch");
  const { run } = await fleet.runOver("branch");
  t.equal(run?.state, "complete");
  for (const plan of [first, second]) t.ok((await fleet.stored(plan, sha256))?.equals(content), plan.name);
  await fleet.controller.kill();
  await fleet.restartController();
  await fleet.joined([first.name, second.name]);
  t.pass("both are back after the controller's restart");
});

t.test("an AP with another secret, one without DTLS and one without a credential stay out", { skip }, async (t) => {
  const token = ["--join-token-file", joinToken(t)];
  const fleet = await Fleet.start(t, token);
  const other = fleet.startAp(first, "--join-token-file", joinToken(t));
  const clear = fleet.startAp(second, "--dtls", "off");
  await Promise.all([other.line(apReady), clear.line(apReady)]);
  const bare = fleet.startAp(third, "--dtls", "require");
  t.same(await bare.ended, { code: 1, signal: null });
  t.match(bare.stderr, /This AP has no credential: "flexup config ap credential add MAC" on the controller/);
  const dropped = await fleet.controller.line(({ event, why }) => (event === "datagram-dropped" ? why : undefined));
  t.equal(dropped, "clear-not-allowed");
  await until("the refusal of the wrong key", async () =>
    fleet.controller.lines.some(
      (line) => line["event"] === "link-refused" && line["reason"] === "wrong-key" && line["identity"] === first.mac,
    )
      ? true
      : undefined,
  );
  t.same(
    (await fleet.rows()).map(({ name }) => name),
    [],
  );
});

t.test("a credential of its own: printed once, used, revoked", { skip }, async (t) => {
  const fleet = await Fleet.start(t, ["--dtls", "require"]);
  const added = await fleet.flexup("config", "ap", "credential", "add", first.mac);
  t.equal(added.code, 0, added.stderr);
  t.match(added.stdout, new RegExp(`^identity ${first.mac}\nkey [0-9a-f]{64}\n$`));
  const file = join(temporaryFolder(t), "credential");
  writeFileSync(file, added.stdout);
  await fleet.join([first], "--credential", file);
  const listed = await fleet.flexup("show", "ap", "credential");
  t.match(listed.stdout, new RegExp(`${first.mac} +active`));
  t.notOk(listed.stdout.includes(added.stdout.split(" ").at(-1)?.trim() ?? "?"), "without the key");
  t.match((await fleet.flexup("show", "ap", "security")).stdout, new RegExp(`${first.mac} +Joined +dtls-psk`));
  const stolen = fleet.startAp(second, "--credential", file);
  t.same(await stolen.ended, { code: 1, signal: null });
  t.match(stolen.stderr, /is the credential of 02:00:00:00:d7:01, but this AP is 02:00:00:00:d7:02/);
  t.match((await fleet.flexup("show", "sysinfo")).stdout, /AP Links\.+ DTLS/);
  t.equal((await fleet.flexup("config", "ap", "credential", "delete", first.mac)).code, 0);
  await fleet.aps.get(first.name)?.line(({ event }) => (event === "link-down" ? true : undefined));
  await fleet.controller.line(({ event, reason, identity }) =>
    event === "link-refused" && reason === "unknown-identity" && identity === first.mac ? true : undefined,
  );
  const rows = must(await fleet.admin.order({ type: "show-ap-summary" }));
  t.same(
    rows.map(({ state }) => state),
    ["Not Joined"],
  );
});
