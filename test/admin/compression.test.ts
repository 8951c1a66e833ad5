import { gunzipSync } from "node:zlib";
import t from "tap";
import { success } from "../../src/base/failure.js";
import { serving } from "../support/admin.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";

const long = Array.from({ length: 2000 }, (_, number) => ({ name: `ap${number}`, mac: "00:0a:b8:00:00:01" }));

t.test("a long answer is compressed for whoever is elsewhere and takes it", async (t) => {
  const operator = new FakeOperatorPort();
  const { app } = await serving(t, { operator });
  operator.answer = () => success(long);
  const ask = (coding: string | undefined, remoteAddress = "192.0.2.1") =>
    app.inject({ url: "/api/v1/aps", remoteAddress, ...(coding !== undefined && { headers: { "accept-encoding": coding } }) });
  for (const coding of ["gzip", "br, gzip;q=0.5", "*", "GZIP ; q=1"]) {
    const answer = await ask(coding);
    t.match(answer.headers, { "content-encoding": "gzip", vary: "accept-encoding", "content-type": /^application\/json/ }, coding);
    t.equal(Number(answer.headers["content-length"]), answer.rawPayload.length);
    t.ok(answer.rawPayload.length < 15_000);
    t.same(JSON.parse(gunzipSync(answer.rawPayload).toString()), long);
  }
  for (const coding of [undefined, "br", "gzip;q=0", "gzip;q=0.0", "xgzip"]) {
    const answer = await ask(coding);
    t.equal(answer.headers["content-encoding"], undefined, String(coding));
    t.same(answer.json(), long);
  }
  t.equal((await ask("gzip", "127.0.0.1")).headers["content-encoding"], undefined, "not on this machine");
  operator.answer = () => success([]);
  t.equal((await ask("gzip")).headers["content-encoding"], undefined, "nor what is short");
});
