/** Network engineers' own tool: Debian's python3-netmiko logs in over SSH and upgrades a group. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import t from "tap";
import { type ApPlan, after, apsOf, Fleet } from "../support/fleet.js";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../../../test/interop/netmiko_upgrade.py", import.meta.url));
const templates = fileURLToPath(new URL("../../../fixtures/textfsm", import.meta.url));
const present = await run("/usr/bin/python3", ["-c", "import netmiko, textfsm"]).then(
  () => true,
  () => false,
);

t.test(
  "netmiko logs in, disables paging and upgrades a group, one AP with blanks in its name",
  { skip: present ? false : "python3-netmiko or python3-textfsm is not installed" },
  async (t) => {
    const password = "netmiko-Test-1";
    const fleet = await Fleet.start(t, ["--ssh", "127.0.0.1:0"], { FLEXUP_ADMIN_PASSWORD: password });
    const plans = apsOf("AIR-CAP3702I", 3);
    await fleet.join(plans.slice(1));
    fleet.startAp({ ...(plans[0] as ApPlan), name: "Lobby 2nd floor" });
    await fleet.joined(["AP2", "AP3", "Lobby 2nd floor"]);
    const names = ["AP2", "AP3", "Lobby_2nd_floor"];
    await fleet.addImage("AIR-CAP3702I", 1_000_000);
    const [host, port] = (fleet.ready.ssh ?? "").split(":");
    const macs = plans.map(({ mac }) => mac);
    const { stdout } = await run(
      "/usr/bin/python3",
      [script, host as string, port as string, "admin", password, "Branch 7", templates, ...macs],
      { timeout: 180_000 },
    );
    const seen = JSON.parse(stdout);
    t.equal(seen.prompt, "(Cisco Controller) >");
    t.equal(seen.unexpected, undefined, "config commands that succeed are silent");
    t.match(seen.wrong, /Incorrect usage\./);
    t.same(seen.summary, [{ GROUP: "Branch 7", APS: "3" }]);
    t.match(
      seen.rows,
      names.map((name) => ({ AP_NAME: name, STATUS: "Complete", VERSION: after, BACKUP_IMAGE: after })),
    );
    t.match(seen.detail, /Efficient AP Image Upgrade \.+ Enabled/);
    t.match(
      seen.swapped,
      names.map((name) => ({ AP_NAME: name, PRIMARY_IMAGE: after })),
    );
  },
);
