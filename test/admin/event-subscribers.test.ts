/** Issue: 1,000 readers of the event stream, and the controller answers as before. */
import { connect } from "node:net";
import t from "tap";
import { success } from "../../src/base/failure.js";
import type { Order } from "../../src/core/controller/operator/orders.js";
import { serving } from "../support/admin.js";
import { FakeOperatorPort } from "../support/fake-operator-port.js";

const readers = 1000;

t.test("a thousand readers get a change, while orders are answered", async (t) => {
  const operator = new FakeOperatorPort();
  let primary = "1";
  operator.answer = (order: Order) => {
    if (order.type === "show-boot") return success({ primary, backup: null });
    return success(order.type === "show-ap-image" ? { aps: [] } : []);
  };
  const { url, feed, app } = await serving(t, { operator });
  const texts = await Promise.all(
    Array.from(
      { length: readers },
      () =>
        new Promise<{ text: string }>((resolve, reject) => {
          const reader = { text: "" };
          const socket = connect(Number(url.port), url.hostname, () =>
            socket.write(`GET /api/events HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`),
          );
          t.teardown(() => socket.destroy());
          socket.on("error", reject);
          socket.on("data", (chunk) => {
            reader.text += chunk.toString();
            if (reader.text.includes("event: snapshot")) resolve(reader);
          });
        }),
    ),
  );
  operator.orders.length = 0;
  primary = "2";
  feed.note({ type: "swap-done", mac: "00:0a:b8:3b:0b:c2" as never });
  t.equal((await app.inject("/api/v1/boot")).json().primary, "2");
  await new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (!texts.every(({ text }) => text.includes('"primary":"2"'))) return;
      clearInterval(look);
      resolve();
    }, 20);
    t.teardown(() => clearInterval(look));
  });
  const looks = operator.orders.filter(({ type }) => type === "show-ap-summary").length;
  // One each second while it takes; a machine that takes long makes more.
  t.ok(looks < readers / 10, `one look serves all readers: ${looks} looks`);
});
