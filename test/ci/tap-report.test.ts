/** How `.ci/run` counts: real reports of tap, shortened. */
import t from "tap";
import { fileResults, isWhole, verdict } from "./tap-report.js";

const first = `TAP version 14
1..4
# Subtest: dist/test/good.test.js
    # Subtest: two assertions and a skipped one
        ok 1 - should be equal
        ok 2 - a name # that is no directive
        ok 3 - foreign program # SKIP not installed
        1..3
    ok 1 - two assertions and a skipped one # time=1.5ms
    # Subtest: fails only when it must
        1..0
    ok 2 - fails only when it must # time=0.2ms
    1..2
ok 1 - dist/test/good.test.js # time=10.1ms
# Subtest: dist/test/flaky.test.js
    # Subtest: outer
        ok 1 - should be equal
        # Subtest: inner
            not ok 1 - came too late
              ---
              diff: |
                not a test point: ok
              ...
            1..1
        not ok 2 - inner # time=3ms
        1..2
    not ok 1 - outer # time=4ms
    1..1
not ok 2 - dist/test/flaky.test.js # time=11ms
# Subtest: dist/test/broken.test.js
    not ok 1 - should be equal
    1..1
not ok 3 - dist/test/broken.test.js # time=12ms
# Subtest: dist/test/exits.test.js
    ok 1 - should be equal
    1..1
not ok 4 - dist/test/exits.test.js # time=13ms
# { total: 8, pass: 5, fail: 2, skip: 1 }
`;
const again = `TAP version 14
1..1
# Subtest: dist/test/flaky.test.js
    # Subtest: outer
        ok 1 - should be equal
        # Subtest: inner
            ok 1 - came too late
            1..1
        ok 2 - inner # time=3ms
        1..2
    ok 1 - outer # time=4ms
    1..1
ok 1 - dist/test/flaky.test.js # time=11ms
TAP version 14
1..1
# Subtest: dist/test/broken.test.js
    not ok 1 - should be equal
    1..1
not ok 1 - dist/test/broken.test.js # time=12ms
TAP version 14
1..1
# Subtest: dist/test/exits.test.js
    ok 1 - should be equal
    1..1
not ok 1 - dist/test/exits.test.js # time=13ms
`;

t.test("assertions are counted for each file, subtests are not", async (t) => {
  t.same(fileResults(first), [
    { file: "dist/test/good.test.js", ok: true, passed: 3, failed: 0 },
    { file: "dist/test/flaky.test.js", ok: false, passed: 1, failed: 1 },
    { file: "dist/test/broken.test.js", ok: false, passed: 0, failed: 1 },
    { file: "dist/test/exits.test.js", ok: false, passed: 1, failed: 1 },
  ]);
});

t.test("a file that passes by itself is flaky, one that fails twice fails the run", async (t) => {
  t.same(verdict(fileResults(first), fileResults(again)), {
    passed: 6,
    failed: 2,
    flaky: ["dist/test/flaky.test.js"],
    failedTwice: ["dist/test/broken.test.js", "dist/test/exits.test.js"],
  });
  t.same(verdict(fileResults(first), []).failedTwice.length, 3, "a file that did not run again keeps its first result");
});

t.test("a report that breaks off is not whole", async (t) => {
  t.equal(isWhole(first), true);
  t.equal(isWhole(first.slice(0, first.indexOf("# Subtest: dist/test/exits"))), false);
  t.equal(isWhole(""), false);
  t.equal(isWhole("TAP version 14\n1..0\n"), false, "no file ran");
});
