import t from "tap";
import { CapwapMeter } from "../../../src/runtime/metrics/capwap-meter.js";
import { Metrics } from "../../../src/runtime/metrics/metrics.js";

const peer = { address: "192.0.2.1", port: 5247 };

/** A datagram of 8 octets of header, then type, sequence and an empty body. */
function datagram(type: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 2 << 19);
  view.setUint32(8, type);
  view.setUint8(12, sequence);
  view.setUint16(13, 3);
  return bytes;
}

t.test("messages are counted by type and direction, requests that repeat as retransmissions", async (t) => {
  const metrics = new Metrics("controller");
  const meter = new CapwapMeter(metrics);
  const echo = 13;
  for (const sequence of [1, 1, 2]) meter.see("received", datagram(echo, sequence), peer);
  meter.see("received", datagram(echo, 2), { ...peer, port: 1 });
  for (const sequence of [1, 1]) meter.see("sent", datagram(echo + 1, sequence), peer);
  meter.see("received", datagram(999_999, 1), peer);
  meter.see("received", Uint8Array.of(0xff), peer);
  meter.see("received", new Uint8Array(0), peer);
  meter.carried("received", 80);
  meter.carried("received", 1);
  meter.carried("sent", 32);
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("flexup_capwap"));
  t.same(lines.sort(), [
    'flexup_capwap_bytes_total{direction="received",daemon="controller"} 81',
    'flexup_capwap_bytes_total{direction="sent",daemon="controller"} 32',
    'flexup_capwap_messages_total{direction="received",message="echoRequest",daemon="controller"} 4',
    'flexup_capwap_messages_total{direction="received",message="malformed",daemon="controller"} 2',
    'flexup_capwap_messages_total{direction="received",message="unknown",daemon="controller"} 1',
    'flexup_capwap_messages_total{direction="sent",message="echoResponse",daemon="controller"} 2',
    'flexup_capwap_retransmissions_total{direction="received",message="echoRequest",daemon="controller"} 1',
  ]);
});
