/** Primary and secondary controller must hold the same images (docs/decisions/100-peer-parity.md). */
import t from "tap";
import type { PeerImage } from "../../../src/core/controller/peer-parity.js";
import { branch, ControllerLab, digest, image, mac, start } from "../../support/controller-lab.js";

const peer = { name: "https://wlc2:8443", onMismatch: "refuse" } as const;
const same: readonly PeerImage[] = [{ release: "primary", models: ["AIR-AP3702I"], version: "9.0", sha256: digest("a") }];
const show = { type: "show-peer" } as const;

t.test("without a peer nothing is compared and nothing refused", async (t) => {
  const lab = branch(1);
  t.same(lab.do(show), { peer: null });
  t.equal(lab.code(start), "ok");
});

t.test("a peer that has not been heard of stops nobody", async (t) => {
  const lab = branch(1, { peer });
  t.match(lab.do(show), { peer: { name: peer.name, verdict: "unknown", heardAt: null, unreachableSince: null, differences: [] } });
  lab.peerSays({ trouble: "connect ECONNREFUSED" });
  t.match(lab.do(show), { peer: { verdict: "unknown", unreachableSince: lab.now, trouble: "connect ECONNREFUSED" } });
  t.match(lab.events.at(-1), { type: "peer-images", verdict: "unknown", reachable: false, detail: "connect ECONNREFUSED" });
  t.equal(lab.code(start), "ok", "a secondary that is down must not take the upgrade down");
});

t.test("the same set: order, file names and spellings of models do not matter", async (t) => {
  const lab = branch(1, { peer });
  lab.do({ type: "image-add", image: image({ release: "backup", models: ["AIR-AP2802I", "AIR-AP3702I"], sha256: digest("c") }) });
  const backup = { release: "backup", models: ["air-ap3702i-e-k9", "AP2802I"], version: "9.0", sha256: digest("c") } as const;
  lab.peerSays({ images: [backup, ...same] });
  t.match(lab.do(show), { peer: { verdict: "same", heardAt: lab.now, differences: [] } });
  t.equal(lab.code(start), "ok");
});

const cases: readonly (readonly [what: string, images: readonly PeerImage[], words: RegExp])[] = [
  ["lacks it", [], /the primary release for AIR-AP3702I: 9\.0 here, none there/],
  ["another version", [{ ...same[0], version: "8.0" } as PeerImage], /9\.0 here, 8\.0 there/],
  [
    "another file",
    [{ ...same[0], sha256: digest("d") } as PeerImage],
    /9\.0 on both, but not the same file \(SHA-256 aaaaaaaaaaaa… here, dddddddddddd… there\)/,
  ],
  ["one more", [...same, { ...same[0], models: ["ap3g3"] } as PeerImage], /for ap3g3: none here, 9\.0 there/],
  ["the other release", [{ ...same[0], release: "backup" } as PeerImage], /9\.0 here, none there and 1 more/],
];
for (const [what, images, words] of cases) {
  t.test(`${what}: refused with the difference, done with force`, async (t) => {
    const lab = branch(2, { peer });
    lab.peerSays({ images });
    t.match(lab.do(show), { peer: { verdict: "differs" } });
    t.match(lab.events.at(-1), { type: "peer-images", peer: peer.name, verdict: "differs", reachable: true, detail: words });
    for (const order of [
      start,
      { type: "ap-predownload", ap: "ap1", release: "primary" },
      { type: "ap-predownload", ap: "all", release: "primary" },
    ] as const) {
      const refused = lab.try(order);
      t.match(refused, { ok: false, failure: { code: "peer-differs", message: words } });
      t.match(refused, { failure: { message: /^[^\n]+$/ } });
    }
    const preview = { type: "group-preview", group: "G", release: "primary" } as const;
    t.match(lab.do(preview), { objection: { code: "peer-differs", message: words } }, "the preview says so before");
    t.same(lab.takeTold(), []);
    t.equal(lab.code({ ...start, force: true }), "ok");
    t.equal(lab.code({ type: "group-abort", group: "G" }), "ok");
    t.equal(lab.code({ type: "ap-predownload", ap: "ap1", release: "primary", force: true }), "ok");
  });
}

t.test("policy warn: the start goes through, and the difference is told", async (t) => {
  const lab = branch(1, { peer: { ...peer, onMismatch: "warn" } });
  lab.peerSays({ images: [] });
  t.equal(lab.code(start), "ok");
  t.match(lab.do(show), {
    peer: { verdict: "differs", differences: [{ release: "primary", family: "c3700", model: "AIR-AP3702I", there: null }] },
  });
});

t.test("what was known of a peer that went away still counts", async (t) => {
  const lab = branch(1, { peer });
  lab.peerSays({ images: [] });
  const heardAt = lab.now;
  lab.now += 5000;
  lab.peerSays({ trouble: "timed out" });
  const since = lab.now;
  lab.now += 5000;
  lab.peerSays({ trouble: "refused" });
  t.match(lab.do(show), { peer: { verdict: "differs", heardAt, unreachableSince: since, trouble: "refused" } });
  t.match(lab.try(start), { failure: { code: "peer-differs", message: /not answered since/ } });
  lab.peerSays({ images: same });
  t.match(lab.do(show), { peer: { verdict: "same", heardAt: lab.now, unreachableSince: null, trouble: null } });
  t.equal(lab.code(start), "ok");
});

t.test("this controller's own catalogue counts at once, and each change is told once", async (t) => {
  const lab = branch(1, { peer });
  lab.peerSays({ images: same });
  lab.peerSays({ images: same });
  const said = () => lab.events.filter(({ type }) => type === "peer-images").length;
  t.equal(said(), 1);
  lab.do({ type: "image-add", image: image({ version: "9.1", sha256: digest("e") }) });
  t.equal(said(), 2);
  t.match(lab.do(show), { peer: { verdict: "differs" } });
  lab.peerSays({ images: [{ ...same[0], version: "9.1", sha256: digest("e") } as PeerImage] });
  t.match(lab.events.at(-1), { type: "peer-images", verdict: "same" });
});

t.test("images that no start concerns are compared too, whatever has joined", async (t) => {
  const lab = new ControllerLab({ peer });
  lab.peerSays({ images: [] });
  t.match(lab.do(show), { peer: { verdict: "same" } }, "both are empty");
  t.equal(lab.domain.inventory.get(mac(1)), undefined);
});

t.test("two images of one suggested family are compared by their models", async (t) => {
  const lab = new ControllerLab({ peer });
  lab.do({ type: "image-add", image: image({ models: ["AIR-CAP2702I"], sha256: digest("c") }) });
  lab.do({ type: "image-add", image: image({ models: ["AIR-CAP3702I"], sha256: digest("d") }) });
  const of = (model: string, letter: string): PeerImage => ({
    release: "primary",
    models: [model],
    version: "9.0",
    sha256: digest(letter),
  });
  const differing = (...images: PeerImage[]): string[] => {
    lab.peerSays({ images });
    return lab.do(show).peer?.differences.map(({ model }) => model) ?? [];
  };
  t.same(differing(of("AIR-CAP3702I", "d"), of("AIR-CAP2702I", "c")), []);
  t.same(differing(of("AIR-CAP3702I", "c"), of("AIR-CAP2702I", "d")), ["AIR-CAP2702I", "AIR-CAP3702I"], "exchanged");
  t.same(differing(of("AIR-CAP3702I", "d"), of("2700", "c")), ["2700"], "other models of the series get an image there alone");
});
