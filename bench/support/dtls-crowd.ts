/** A process of APs that join by DTLS and do nothing else. */
import { setTimeout as sleep } from "node:timers/promises";
import { keyFromJoinToken } from "../../src/runtime/dtls/credentials.js";
import { LightAp, lightMac } from "../../test/support/light-ap.js";

const [address, port, token, count] = process.argv.slice(2) as [string, string, string, string];
process.once("disconnect", () => process.exit());
const aps = Array.from({ length: Number(count) }, (_, index) => {
  const key = keyFromJoinToken(token, lightMac(index));
  return new LightAp({
    index,
    address: `127.96.${1 + (index >> 7)}.${1 + (index & 127)}`,
    controller: { address, port: Number(port) },
    key,
  });
});
for (const ap of aps) await ap.start();
process.send?.("started");
while (aps.some(({ running }) => !running)) await sleep(20);
process.send?.("running");
