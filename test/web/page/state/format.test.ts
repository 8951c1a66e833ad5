import t from "tap";
import { bytesText, countText, durationText, percentText, rateText, versionText } from "../../../../src/web/page/state/format.js";

t.test("bytes in binary units, three digits at most", async (t) => {
  t.same([0, 1023, 1024, 65_000, 100 * 1024, 50_331_648, 5 * 2 ** 30].map(bytesText), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "63.5 KiB",
    "100 KiB",
    "48.0 MiB",
    "5.0 GiB",
  ]);
});

t.test("rates in bits a second", async (t) => {
  t.same([0, 100, 2_500_000, 125_000_000].map(rateText), ["0 b/s", "800 b/s", "20.0 Mb/s", "1.0 Gb/s"]);
});

t.test("durations", async (t) => {
  t.same([-1, 0.4, 59.4, 60, 365, 7740].map(durationText), ["0 s", "0 s", "59 s", "1 min 00 s", "6 min 05 s", "2 h 09 min"]);
});

t.test("counts, shares and empty slots", async (t) => {
  t.same([countText(1, "AP"), countText(1200, "AP"), countText(2, "try", "tries")], ["1 AP", "1,200 APs", "2 tries"]);
  t.same([percentText(1, 3), percentText(0, 0), percentText(999, 1000)], ["33 %", "0 %", "99 %"]);
  t.same([versionText(null), versionText("0.0.0.0"), versionText("8.5.161.0")], ["none", "none", "8.5.161.0"]);
});
