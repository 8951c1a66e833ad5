/** What operators hear of refused DTLS credentials. */
import t from "tap";
import { LinkRefusals } from "../../../src/core/controller/link-refusals.js";

const minute = 60_000;

t.test("one a minute for each address", async (t) => {
  const refusals = new LinkRefusals();
  const at = (now: number, address = "192.0.2.1"): boolean => refusals.admits(now, address);
  t.same([at(0), at(1), at(minute - 1), at(minute), at(minute + 1)], [true, false, false, true, false]);
  t.equal(at(minute + 1, "192.0.2.2"), true, "another address");
});

t.test("so many a minute in all, whoever they come from", async (t) => {
  const refusals = new LinkRefusals();
  let reported = 0;
  for (let number = 0; number < 100_000; number++) if (refusals.admits(number % minute, `peer ${number}`)) reported++;
  t.equal(reported, 60);
  t.equal(refusals.admits(10 * minute, "peer 1"), true);
});
