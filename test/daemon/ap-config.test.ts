import t from "tap";
import { readApSettings } from "../../src/daemon/ap-config.js";

const needed = { data: "/tmp/ap", name: "ap", mac: "00:0a:b8:3b:0b:c2", model: "AIR-AP2802I", controller: "10.0.0.1" };

t.test("a version that the AP could not tell its controller is refused, as octets are counted there", async (t) => {
  for (const [version, ok] of [
    ["8.5.161.0", true],
    ["9".repeat(64), true],
    ["é".repeat(33), false],
    ["8.5\n", false],
    ["", false],
  ] as const)
    t.equal(readApSettings({ ...needed, version }).ok, ok, JSON.stringify(version));
});
