/** Over random branches: what the preview says is what the run does. */
import t from "tap";
import { branch, type ControllerLab, digest, image, type LabAp, mac } from "../../../support/controller-lab.js";
import fc from "../../../support/properties.js";

const models = ["AIR-AP3702I", "AIR-AP2802I", "AIR-AP1832I", "ACME-1"] as const;
const release = fc.constantFrom("primary" as const, "backup" as const);

const anyAp = fc.record({
  model: fc.constantFrom(...models),
  address: fc.constantFrom("10.0.0.", "fd00::"),
  backup: fc.constantFrom(undefined, "a", "b", "d"),
  freeBytes: fc.constantFrom(500, 1500, 1_000_000),
  plain: fc.boolean(),
  presence: fc.constantFrom("joined", "joined", "joined", "left", "never", "busy"),
  setAs: fc.constantFrom("nothing", "nothing", "primary", "subordinate"),
});
const anyImage = fc.record({
  models: fc.subarray([...models], { minLength: 1 }),
  release,
  sizeBytes: fc.constantFrom(1000, 2000),
  sha256: fc.constantFrom("a", "b", "c").map(digest),
});
const anyBranch = fc.record({
  aps: fc.array(anyAp, { maxLength: 7 }),
  images: fc.array(anyImage, { maxLength: 4 }),
  predownload: fc.constantFrom(true, true, true, false),
  wave2Refetch: fc.boolean(),
  fallback: fc.constantFrom("fallback" as const, "wait" as const, "fail" as const),
  isRunning: fc.constantFrom(false, false, false, true),
  release,
});

const numberOf = (text: string): number => Number.parseInt(text.slice(-2), 16);

type BranchFacts = typeof anyBranch extends fc.Arbitrary<infer Facts> ? Facts : never;

function labOf({ aps, images, predownload, wave2Refetch, fallback, isRunning, release }: BranchFacts): ControllerLab {
  const lab = branch(0);
  for (const change of images) lab.do({ type: "image-add", image: image(change) });
  lab.do({ type: "group-wave2-refetch", group: "G", enabled: wave2Refetch });
  lab.do({ type: "group-wan", group: "G", wan: { fallback } });
  for (const [index, { presence, address, backup, setAs, ...ap }] of aps.entries()) {
    const number = index + 1;
    const group = "G";
    if (presence !== "never") lab.join({ ...ap, number, address: `${address}${number}`, ...(backup && { backup }) } satisfies LabAp);
    if (presence === "busy") lab.try({ type: "ap-predownload", ap: mac(number), release });
    lab.do({ type: "group-ap-add", group, mac: mac(number) });
    if (presence === "never") continue;
    if (setAs === "primary") lab.do({ type: "group-primary-add", group, ap: mac(number) });
    if (setAs === "subordinate") lab.do({ type: "group-subordinate-add", group, ap: mac(number) });
    if (presence === "left") lab.leave(number);
  }
  if (isRunning) lab.try({ type: "group-start", group: "G", release });
  lab.do({ type: "group-predownload", group: "G", enabled: true });
  if (!predownload) lab.try({ type: "group-predownload", group: "G", enabled: false });
  lab.takeTold();
  return lab;
}

t.test("the preview's refusal is the start's, its first orders are the run's", async () => {
  fc.assert(
    fc.property(anyBranch, (facts) => {
      const lab = labOf(facts);
      const order = { group: "G", release: facts.release } as const;
      const preview = lab.do({ type: "group-preview", ...order });
      const steps = preview.firstSteps;
      const started = lab.try({ type: "group-start", ...order });
      if (!started.ok) return JSON.stringify(preview.objection) === JSON.stringify(started.failure) && lab.takeTold().length === 0;
      if (preview.objection !== null) return false;

      const words = { serve: ["primary"], "fetch-wan": ["primary", "primary refetch"], "plain-wan": ["image 9.0"] } as const;
      const told = lab.takeTold();
      for (const { mac: ap, step } of steps) {
        const allowed = step in words ? words[step as keyof typeof words].map((word) => `${numberOf(ap)} ${word}`) : [];
        const [mine, ...more] = told.filter((word) => word.startsWith(`${numberOf(ap)} `));
        if (more.length > 0 || (allowed.length === 0) !== (mine === undefined)) return false;
        if (mine !== undefined && !allowed.includes(mine)) return false;
      }
      if (told.some((word) => !steps.some(({ mac: ap }) => word.startsWith(`${numberOf(ap)} `)))) return false;
      for (const { primary, family } of preview.models) {
        if (lab.group().models.find((model) => model.family === family)?.primary?.mac !== primary?.mac) return false;
      }
      return steps.every(({ mac: ap, step }) => {
        const { status } = lab.row(numberOf(ap));
        return status === (step === "unsupported" ? "NotSupported" : "Initiated");
      });
    }),
  );
});
