/** What the AC makes of every message in every state of a session. */
import t from "tap";
import type { AcOutput } from "../../../../src/core/capwap/ac/ac-contract.js";
import { joinRequestElements } from "../../../../src/core/capwap/wtp/wtp-messages.js";
import { encodeMessage } from "../../../../src/wire/capwap/codec.js";
import { packetsOf } from "../../../../src/wire/capwap/header.js";
import { isRequest, type Message, type MessageName, messages, type RequestName } from "../../../../src/wire/capwap/messages.js";
import { AcBench, eventsIn, findEvent, type SessionState } from "../../../support/ac-bench.js";
import { completeMessage, datagramOf, inShort, sentIn } from "../../../support/capwap-messages.js";
import { accepting, wtpEndpoint, wtpSelf } from "../../../support/capwap-world.js";
import { hex } from "../../../support/fixtures.js";

const image = { type: "transfer", sha256: "i", sizeBytes: 4096, md5: new Uint8Array(16) } as const;

const states: readonly SessionState[] = ["join", "configure", "image-data", "run"];
const requests = (Object.keys(messages) as MessageName[]).filter(isRequest) as RequestName[];

/** Answers to each request in each state; "" is none, and what is not listed is the state's refusal: 18, or 19 for what flexup does not speak. */
const answers: { readonly [S in SessionState]: { readonly [Name in RequestName]?: string } } = {
  join: { configurationStatusRequest: "configurationStatusResponse", imageDataRequest: "" },
  configure: { changeStateEventRequest: "changeStateEventResponse" },
  "image-data": { echoRequest: "echoResponse", imageDataRequest: "" },
  run: {
    echoRequest: "echoResponse",
    wtpEventRequest: "wtpEventResponse",
    changeStateEventRequest: "changeStateEventResponse",
    imageDataRequest: "",
  },
};
const inAnyState: { readonly [Name in RequestName]?: string } = {
  discoveryRequest: "discoveryResponse",
  primaryDiscoveryRequest: "primaryDiscoveryResponse",
  joinRequest: "joinResponse 6",
  dataTransferRequest: "dataTransferResponse 19",
};

t.test("every request in every state", async (t) => {
  for (const state of states) {
    for (const name of requests) {
      const bench = new AcBench().to(state);
      const out = bench.ask(name);
      const refusal = messages[name].sender === "ac" ? "" : `${name.replace("Request", "Response")} 18`;
      const expected = inAnyState[name] ?? answers[state][name] ?? refusal;
      t.equal(sentIn(out).map(inShort).join(), expected, `${name} in ${state}`);
      if (messages[name].sender === "ac") t.same(eventsIn(out), ["dropped wrong-sender"], `${name} in ${state}`);
      if (expected.endsWith(" 18") || expected.endsWith(" 19")) t.same(eventsIn(out), ["dropped wrong-state"], `${name} in ${state}`);
      t.equal(bench.ac.sessionCount, 1, "the session is still there");
    }
  }
});

t.test("a response that answers nothing changes nothing", async (t) => {
  for (const state of states) {
    for (const name of Object.keys(messages) as MessageName[]) {
      if (isRequest(name)) continue;
      const bench = new AcBench().to(state);
      const wakeAt = bench.ac.nextWakeAt();
      const out = bench.ask(name);
      t.same(eventsIn(out), ["dropped stray-response"], `${name} in ${state}`);
      t.equal(bench.ac.nextWakeAt(), wakeAt);
    }
  }
});

t.test("each state's timer ends the session", async (t) => {
  const ends: { readonly [S in SessionState]: { readonly at: number; readonly reason: string } } = {
    join: { at: 60_000, reason: "state-timeout" },
    configure: { at: 25_000, reason: "state-timeout" },
    "image-data": { at: 96_000, reason: "echo-timeout" },
    run: { at: 96_000, reason: "echo-timeout" },
  };
  for (const state of states) {
    const bench = new AcBench().to(state);
    t.same(eventsIn(bench.wakeAt(ends[state].at - 1)), [], `${state}: not before`);
    t.equal(findEvent(bench.wakeAt(ends[state].at), "left")?.reason, ends[state].reason, state);
    t.equal(bench.ac.sessionCount, 0);
    t.equal(bench.ac.nextWakeAt(), undefined);
  }
});

t.test("any request of the WTP restarts the Echo timer", async (t) => {
  const bench = new AcBench().to("run");
  bench.now = 90_000;
  bench.ask("wtpEventRequest");
  t.same(eventsIn(bench.wakeAt(96_000)), []);
  t.equal(findEvent(bench.wakeAt(186_000), "left")?.reason, "echo-timeout");
});

t.test("Join Requests and their result codes", async (t) => {
  const outcome = (out: readonly AcOutput<string>[]) => sentIn(out).map(inShort).join();

  t.test("0, and the event comes before the response", async (t) => {
    const out = new AcBench().join();
    t.same(
      out.map(({ type }) => type),
      ["joined", "send"],
    );
    t.equal(outcome(out), "joinResponse");
  });
  t.test("2 behind a NAT", async (t) => {
    const out = new AcBench().join(0, undefined, { address: "192.0.2.1", port: 1000 });
    t.equal(outcome(out), "joinResponse 2");
    t.match(findEvent(out, "joined"), { wtp: { nat: true, localAddress: "10.0.1.1", peer: { address: "192.0.2.1" } } });
  });
  t.test("what a WTP calls itself is taken as one line, and one that calls itself nothing goes by its MAC address", async (t) => {
    const named = (name: string): string | undefined => {
      const bench = new AcBench();
      const elements = joinRequestElements({ ...wtpSelf(0), name }, new Uint8Array(16));
      return findEvent(bench.give({ type: "joinRequest", sequence: 0, elements }), "joined")?.wtp.name;
    };
    t.equal(named("hall\u001b[2J\r\n"), "hall [2J");
    t.equal(named("\n"), wtpSelf(0).mac);
    const bench = new AcBench();
    const elements = joinRequestElements({ ...wtpSelf(0), name: "~", location: "~" }, new Uint8Array(16));
    const { bytes, ...datagram } = datagramOf(bench.peer, { type: "joinRequest", sequence: 0, elements });
    const nulls = bytes.map((octet) => (octet === "~".charCodeAt(0) ? 0 : octet));
    const joined = findEvent(
      bench.act((out) => bench.ac.datagram(0, { ...datagram, bytes: nulls }, out)),
      "joined",
    );
    t.match(joined?.wtp, { name: wtpSelf(0).mac, location: "" }, "as foreign encoders say nothing");
  });
  t.test("4 when the AC is full; a WTP that is known still gets in", async (t) => {
    const bench = new AcBench({ sessionsMax: 1 }).to("configure");
    t.equal(outcome(bench.join(1)), "joinResponse 4");
    t.equal(outcome(bench.join(0, new Uint8Array(16).fill(77))), "joinResponse");
    bench.ask("configurationStatusRequest");
    t.equal(bench.ac.sessionCount, 1);
  });
  t.test("6 without model or versions", async (t) => {
    t.equal(outcome(new AcBench().ask("joinRequest")), "joinResponse 6");
  });
  t.test("7 for a Session ID in use by another WTP", async (t) => {
    const bench = new AcBench();
    const sessionId = new Uint8Array(16).fill(5);
    bench.join(0, sessionId);
    t.equal(outcome(bench.join(1, sessionId)), "joinResponse 7");
  });
  t.test("what the controller decides", async (t) => {
    const refused = new AcBench({}, { ...accepting, admits: () => ({ resultCode: 8 }) });
    t.equal(outcome(refused.join()), "joinResponse 8");
    t.equal(refused.ac.sessionCount, 0);
    const imageIdentifier = { vendor: 32473, name: "9.9" };
    const [response] = sentIn(new AcBench({}, { ...accepting, admits: () => ({ resultCode: 0, imageIdentifier }) }).join());
    t.match(response?.elements, { imageIdentifier });
  });
  t.test("a repeat gets the same response and no second session", async (t) => {
    const bench = new AcBench();
    bench.join();
    bench.sequence = 0;
    const out = bench.join();
    t.equal(outcome(out), "joinResponse");
    t.same(eventsIn(out), []);
  });
  t.test("one that asks again under the same Session ID is answered", async (t) => {
    const bench = new AcBench();
    bench.join();
    t.equal(outcome(bench.join()), "joinResponse", "it gave its first request up, whose response was lost (§4.5.3)");
    t.equal(bench.ac.sessionCount, 1);
    bench.sequence = 0;
    const late = bench.join();
    t.same(eventsIn(late), ["dropped old-request"], "the first request, come late, changes nothing");
  });
  t.test("one that makes no sense gets no answer", async (t) => {
    const bench = new AcBench();
    const out = bench.act((out) =>
      bench.ac.datagram(0, { from: bench.peer, bytes: hex("0010020000000000 00000003 00 0003 00"), carriage: "clear" }, out),
    );
    t.same(sentIn(out), []);
    t.same(eventsIn(out), ["dropped missing-element"]);
  });
});

t.test("Discovery keeps nothing and does not touch a session", async (t) => {
  const bench = new AcBench();
  t.equal(sentIn(bench.ask("discoveryRequest")).map(inShort).join(), "discoveryResponse");
  t.equal(bench.ac.sessionCount, 0);
  bench.to("run");
  const wakeAt = bench.ac.nextWakeAt();
  bench.now = 5_000;
  bench.ask("discoveryRequest");
  t.equal(bench.ac.nextWakeAt(), wakeAt);
  let answered = 0;
  for (let count = 0; count < 2_000; count++) answered += sentIn(bench.ask("discoveryRequest")).length;
  t.ok(answered < 1_000, `${answered} of 2,000 in one instant answered`);
});

t.test("a peer without a session is told so with 18, and not without end", async (t) => {
  const bench = new AcBench();
  t.equal(sentIn(bench.ask("echoRequest")).map(inShort).join(), "echoResponse 18");
  t.equal(sentIn(bench.ask("configurationStatusRequest")).map(inShort).join(), "configurationStatusResponse 18");
  t.same(sentIn(bench.ask("echoResponse")), []);
  t.same(sentIn(bench.ask("resetRequest")), []);
  let answered = 0;
  for (let count = 0; count < 2_000; count++) answered += sentIn(bench.ask("echoRequest")).length;
  t.equal(answered, 1, "three answers, then silence makes it give up");
  t.equal(sentIn(bench.ask("echoRequest", wtpEndpoint(9))).length, 1, "others are told");
});

t.test("error answers of §4.5.1.1 and §4.5.1.5", async (t) => {
  const bench = new AcBench().to("run");
  const raw = (text: string, from = bench.peer) =>
    bench.act((out) => bench.ac.datagram(0, { from, bytes: hex(`0010020000000000 ${text}`), carriage: "clear" }, out));
  const bytesOf = (out: readonly AcOutput<string>[]) =>
    out.flatMap((output) => (output.type === "send" ? [Buffer.from(output.bytes).toString("hex")] : []));
  t.same(bytesOf(raw("0000001b 40 0003 00")), ["0010020000000000" + "0000001c40000b00" + "0021000400000013"], "19 for an unknown request");
  t.same(bytesOf(raw("0000001c 40 0003 00")), [], "nothing for an unknown response");
  t.same(bytesOf(raw("00000009 41 0003 00")), ["0010020000000000" + "0000000a41000b00" + "0021000400000014"], "20 for a missing element");
  t.same(
    bytesOf(raw("0000000d 42 0008 00 003c 0001 07")),
    ["0010020000000000" + "0000000e42001600" + "0021000400000015" + "0022000701" + "05003c000107"],
    "21 with the element for an unknown one",
  );
  t.same(bytesOf(raw("0000001b 40 0003 00", wtpEndpoint(5))), [], "nothing for strangers");
});

t.test("requests of the controller", async (t) => {
  const update = { type: "configurationUpdateRequest", elements: {} } as const;
  const reset = { type: "resetRequest", elements: { imageIdentifier: { vendor: 1, name: "x" } } } as const;

  t.test("wait for Run, then go one at a time, in order", async (t) => {
    const bench = new AcBench().to("configure");
    t.same(
      bench.act((out) => bench.ac.request(0, 1, update, "a", out)),
      [],
    );
    bench.act((out) => bench.ac.request(0, 1, { ...update, elements: { locationData: "b" } }, "b", out));
    const out = bench.ask("changeStateEventRequest");
    t.same(sentIn(out).map(inShort), ["changeStateEventResponse", "configurationUpdateRequest"]);
    const next = bench.give({ type: "configurationUpdateResponse", sequence: 0, elements: { resultCode: 17 } });
    t.match(findEvent(next, "answered"), { tag: "a", resultCode: 17 });
    t.match(sentIn(next), [{ elements: { locationData: "b" } }]);
  });
  t.test("end as a timeout with the session when nobody answers", async (t) => {
    const bench = new AcBench().to("run");
    bench.act((out) => bench.ac.request(0, 1, update, "a", out));
    bench.act((out) => bench.ac.request(0, 1, update, "b", out));
    let last: AcOutput<string>[] = [];
    while (bench.ac.sessionCount > 0) last = bench.wakeAt(bench.ac.nextWakeAt() ?? Number.NaN);
    t.equal(bench.now, 66_000);
    t.match(
      last.filter(({ type }) => type === "unanswered"),
      [
        { tag: "a", reason: "timeout" },
        { tag: "b", reason: "session-ended" },
      ],
    );
    t.equal(findEvent(last, "left")?.reason, "no-response");
  });
  t.test("a Reset Response ends the session, unless it says that there will be no reset", async (t) => {
    const bench = new AcBench().to("run");
    bench.act((out) => bench.ac.request(0, 1, reset, "r", out));
    const refused = bench.give({ type: "resetResponse", sequence: 0, elements: { resultCode: 10 } });
    t.same(eventsIn(refused), ["answered"]);
    bench.act((out) => bench.ac.request(0, 1, reset, "r", out));
    const out = bench.give({ type: "resetResponse", sequence: 1, elements: {} });
    t.match(findEvent(out, "answered"), { tag: "r", resultCode: 0 });
    t.equal(findEvent(out, "left")?.reason, "reset");
  });
  t.test("on a session that is gone are ignored", async (t) => {
    const bench = new AcBench();
    t.same(
      bench.act((out) => bench.ac.request(0, 42, update, "a", out)),
      [],
    );
    t.same(
      bench.act((out) => bench.ac.answerImage(0, 42, image, out)),
      [],
    );
    t.same(
      bench.act((out) => bench.ac.abortTransfer(0, 42, out)),
      [],
    );
    t.same(
      bench.act((out) => bench.ac.close(0, 42, out)),
      [],
    );
  });
  t.test("close tells the tags and says nothing to the WTP", async (t) => {
    const bench = new AcBench().to("run");
    bench.act((out) => bench.ac.request(0, 1, update, "a", out));
    const out = bench.act((out) => bench.ac.close(0, 1, out));
    t.same(eventsIn(out), ["unanswered", "left"]);
    t.same(sentIn(out), []);
  });
});

t.test("a thousand sessions: each echo keeps its own alive, and those that fall silent end", async (t) => {
  const bench = new AcBench();
  for (let index = 0; index < 1_000; index++) {
    bench.now = index;
    const sessionId = Uint8Array.from({ length: 16 }, (_, at) => (at < 2 ? index >> (8 * at) : 0));
    bench.join(index, sessionId);
    bench.ask("configurationStatusRequest", wtpEndpoint(index));
    bench.ask("changeStateEventRequest", wtpEndpoint(index));
  }
  t.equal(bench.ac.sessionCount, 1_000);
  bench.now = 60_000;
  for (let index = 0; index < 1_000; index += 2) bench.ask("echoRequest", wtpEndpoint(index));
  t.equal(bench.ac.nextWakeAt(), 96_001, "the first of those that were silent");
  const ended = bench.wakeAt(97_000).filter(({ type }) => type === "left");
  t.equal(ended.length, 500);
  t.equal(bench.ac.sessionCount, 500);
  t.equal(bench.ac.nextWakeAt(), 156_000);
});

t.test("a configuration that the WTP cannot run with ends the session", async (t) => {
  for (const [resultCode, expected] of [
    [0, ["running"]],
    [12, ["running"]],
    [13, ["left"]],
  ] as const) {
    const bench = new AcBench().to("configure");
    const { elements } = completeMessage("changeStateEventRequest", 0) as Message<"changeStateEventRequest">;
    const out = bench.give({ type: "changeStateEventRequest", sequence: bench.sequence++, elements: { ...elements, resultCode } });
    t.same(eventsIn(out), expected, `Result Code ${resultCode}`);
  }
});

t.test("old and repeated requests are not carried out", async (t) => {
  const bench = new AcBench().to("run");
  const at = bench.sequence;
  t.ok(findEvent(bench.ask("wtpEventRequest"), "wtp-event"));
  bench.sequence = at;
  const repeat = bench.ask("wtpEventRequest");
  t.same(eventsIn(repeat), []);
  t.equal(sentIn(repeat).length, 1);
  bench.sequence = at - 1;
  t.same(eventsIn(bench.ask("wtpEventRequest")), ["dropped old-request"]);
});

t.test("a repeat of a request whose answer is being prepared waits", async (t) => {
  const bench = new AcBench().to("run");
  bench.ask("imageDataRequest");
  bench.sequence--;
  t.same(eventsIn(bench.ask("imageDataRequest")), ["dropped repeat-while-busy"]);
});

t.test("fragments of a request are put together", async (t) => {
  const bench = new AcBench();
  const join = encodeMessage({ type: "joinRequest", sequence: 0, elements: joinRequestElements(wtpSelf(0), new Uint8Array(16).fill(1)) });
  const out = bench.act((out) => {
    for (const bytes of packetsOf(join, 3, 80)) bench.ac.datagram(0, { from: bench.peer, bytes, carriage: "clear" }, out);
  });
  t.equal(sentIn(out).map(inShort).join(), "joinResponse");
});

t.test("behind DTLS nothing but Discovery is taken in clear", async (t) => {
  const bench = new AcBench({ linkMode: "dtls" });
  t.equal(sentIn(bench.ask("discoveryRequest")).map(inShort).join(), "discoveryResponse");
  t.same(eventsIn(bench.join()), ["dropped clear-not-allowed"]);
});
