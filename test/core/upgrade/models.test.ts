import t from "tap";
import { familyNameMax, familyOfName, modelFacts } from "../../../src/core/upgrade/models.js";
import fc from "../../support/properties.js";

const known: readonly (readonly [model: string, family: string, generation: string])[] = [
  ["AIR-AP2802I", "ap3g3", "wave-2"],
  ["AIR-AP2802I-D-K9", "ap3g3", "wave-2"],
  ["AIR-AP3802E-B-K9", "ap3g3", "wave-2"],
  ["AIR-AP4800-B-K9", "ap3g3", "wave-2"],
  ["AIR-AP1562I", "ap3g3", "wave-2"],
  ["AIR-AP1542I", "ap1g5", "wave-2"],
  ["AIR-AP1815W", "ap1g5", "wave-2"],
  ["air-ap1832i-e-k9", "ap1g4", "wave-2"],
  ["AIR-AP1852E", "ap1g4", "wave-2"],
  ["AIR-CAP3702I-A-K9", "c3700", "wave-1"],
  ["AIR-SAP2602I-E-K9", "ap3g2", "before-wave-1"],
  ["AIR-CAP1602I", "ap1g2", "before-wave-1"],
  ["C9120AXI-B", "ap1g7", "later"],
  ["C9115AXE", "ap1g7", "later"],
  ["C9117AXI", "ap1g6", "later"],
  ["C9130AXI-E", "ap1g6a", "later"],
  ["CW9164I-ROW", "ap1g6b", "later"],
];

t.test("models of the table", async (t) => {
  for (const [model, family, generation] of known) t.same(modelFacts(model), { family, generation }, model);
});

t.test("a model that no row knows is a family of its own and not Wave 2", async (t) => {
  for (const model of ["ACME-1", "FAP-U431F", "AIR-AP28020", "X-2802"]) {
    const { family, generation } = modelFacts(model);
    t.equal(family, model.toLowerCase());
    t.equal(generation, "unknown");
  }
  t.not(modelFacts("acme one").family, modelFacts("acme two").family);
  t.not(modelFacts("x".repeat(100)).family, modelFacts("x".repeat(101)).family);
});

t.test("operators may give a family or a model", async (t) => {
  t.equal(familyOfName("ap3g3"), "ap3g3");
  t.equal(familyOfName(" AP3G3 "), "ap3g3");
  t.equal(familyOfName("AIR-AP2802I"), "ap3g3");
  t.equal(familyOfName("ACME-1"), "acme-1");
});

t.test("any text gives a family that fits the wire", async () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (model) => {
      const { family } = modelFacts(model);
      return family.length > 0 && family.length <= familyNameMax && /^[a-z0-9._-]+$/.test(family) && familyOfName(family) === family;
    }),
  );
});
