import t from "tap";
import { ByteWriter } from "../../src/base/bytes.js";
import { Link, Network, perfectLink } from "../../src/sim/network.js";
import { watchRequests } from "../../src/sim/request-watch.js";
import { World } from "../../src/sim/world.js";
import { ports } from "../../src/wire/capwap/defaults.js";
import { elements } from "../../src/wire/capwap/elements.js";
import { messages } from "../../src/wire/capwap/messages.js";

const ap = { address: "10.1.0.1", port: 5247 };
const controller = { address: "10.9.0.1", port: ports.control };

/** A plain control message: header of 8 octets (HLEN 2), control header, perhaps an Image Data element. */
function message(type: number, sequence: number, dataType?: number): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(0x00100200);
  writer.u32(0);
  writer.u32(type);
  writer.u8(sequence);
  writer.u16(3);
  writer.u8(0);
  if (dataType !== undefined) for (const octet of [0, elements.imageData.type, 0, 1, dataType]) writer.u8(octet);
  return writer.view();
}

function lab() {
  const world = new World(1);
  const line = new Link("line", { ...perfectLink, latencyMs: 10 });
  const network = new Network(world, () => line);
  network.bind(ap, () => {});
  network.bind(controller, () => {});
  const check = watchRequests(network, ports.control);
  const up = (type: number, sequence: number) => network.send(ap, controller, message(type, sequence));
  const down = (type: number, sequence: number, dataType?: number) => network.send(controller, ap, message(type, sequence, dataType));
  return { world, check, up, down };
}

t.test("a request, its repetition and its response, then the next", async (t) => {
  const { world, check, up, down } = lab();
  up(messages.echoRequest.type, 1);
  up(messages.echoRequest.type, 1);
  down(messages.echoResponse.type, 1);
  world.runFor(20);
  up(messages.echoRequest.type, 2);
  down(messages.configurationUpdateRequest.type, 1);
  t.equal(check.broken(), undefined, "each direction has its own");
});

t.test("a second request while the first is unanswered", async (t) => {
  const { world, check, up, down } = lab();
  up(messages.echoRequest.type, 1);
  down(messages.echoResponse.type, 1);
  up(messages.wtpEventRequest.type, 2);
  t.match(check.broken(), "10.1.0.1:5247 > 10.9.0.1:5246: request 9 sent while 13 is unanswered");
  world.runFor(1);
});

t.test("a response to something else does not count", async (t) => {
  const { world, check, up, down } = lab();
  up(messages.echoRequest.type, 1);
  down(messages.echoResponse.type, 9);
  world.runFor(20);
  up(messages.echoRequest.type, 2);
  t.ok(check.broken());
});

t.test("a new session starts again, in both directions; discovery and TFTP are none of its business", async (t) => {
  const { check, up, down } = lab();
  up(messages.discoveryRequest.type, 0);
  up(messages.discoveryRequest.type, 1);
  up(messages.echoRequest.type, 1);
  down(messages.configurationUpdateRequest.type, 4);
  up(messages.joinRequest.type, 0);
  down(messages.configurationUpdateRequest.type, 0);
  t.equal(check.broken(), undefined);
});

t.test("a block that nobody wants any more gives way to an abort, and to anything once the AP has asked again", async (t) => {
  const { world, check, up, down } = lab();
  const { imageDataRequest, configurationUpdateRequest } = messages;
  down(imageDataRequest.type, 1, 1);
  down(imageDataRequest.type, 2, 5);
  t.equal(check.broken(), undefined);
  up(imageDataRequest.type, 1);
  world.runFor(20);
  down(configurationUpdateRequest.type, 3);
  t.equal(check.broken(), undefined);
  down(imageDataRequest.type, 4, 1);
  t.match(check.broken(), "request 15 sent while 7 is unanswered");
});
