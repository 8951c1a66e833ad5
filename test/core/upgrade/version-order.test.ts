import t from "tap";
import { compareVersions } from "../../../src/core/upgrade/version-order.js";

t.test("versions are ordered number by number", async (t) => {
  const ascending = ["8.3.143.0", "8.5.161.0", "8.10.183.0", "8.10.183.0a", "8.10.190.0", "17.9.4", "17.9.4.27"];
  for (const [index, version] of ascending.entries())
    for (const [other, than] of ascending.entries())
      t.equal(Math.sign(compareVersions(version, than)), Math.sign(index - other), `${version} and ${than}`);
  t.equal(compareVersions("8.5.0.0", "8.5"), 0, "missing parts are 0");
});
