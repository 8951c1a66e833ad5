/** What the WTP makes of every message in every state, and how it finds its controller. */
import t from "tap";
import type { Endpoint } from "../../../../src/base/endpoint.js";
import { Prng } from "../../../../src/base/prng.js";
import { ControllerChoice } from "../../../../src/core/capwap/wtp/controller-choice.js";
import type { WtpEvent, WtpOutput, WtpSelf, WtpSettings, WtpState } from "../../../../src/core/capwap/wtp/wtp-contract.js";
import { WtpSession } from "../../../../src/core/capwap/wtp/wtp-session.js";
import { isRequest, type Message, type MessageName, messages, type RequestName } from "../../../../src/wire/capwap/messages.js";
import { completeElements, completeMessage, datagramOf, inShort, sentIn } from "../../../support/capwap-messages.js";
import { acEndpoint, wtpSelf, wtpSettings } from "../../../support/capwap-world.js";
import { hex } from "../../../support/fixtures.js";

const secondary: Endpoint = { address: "10.0.0.2", port: 5246 };
const identifier = { vendor: 32473, name: "8.5" };
const discovered = completeElements.discoveryResponse;

class Bench {
  readonly wtp: WtpSession<string>;
  now = 0;
  /** Sequence numbers of the AC's requests. */
  sequence = 0;
  /** Sequence number of the WTP's last request. */
  last = 0;
  readonly sentTo: string[] = [];

  constructor(settings: Partial<WtpSettings> = {}, self: Partial<WtpSelf> = {}) {
    this.wtp = new WtpSession({ ...wtpSettings, ...settings }, () => ({ ...wtpSelf(0), ...self }), new Prng(7));
  }

  act(work: (out: WtpOutput<string>[]) => void): WtpOutput<string>[] {
    const out: WtpOutput<string>[] = [];
    work(out);
    for (const output of out) if (output.type === "send") this.sentTo.push(output.to.address);
    const request = sentIn(out).findLast((message) => message.type !== "failureResponse" && isRequest(message.type));
    if (request !== undefined) this.last = request.sequence;
    return out;
  }

  give(message: Message, from = acEndpoint): WtpOutput<string>[] {
    return this.act((out) => this.wtp.datagram(this.now, datagramOf(from, message), out));
  }

  /** A request of the AC. */
  ask(type: MessageName, elements: object = completeElements[type]): WtpOutput<string>[] {
    return this.give({ type, sequence: this.sequence++, elements } as unknown as Message);
  }

  /** The response to the WTP's last request. */
  answer(type: MessageName, elements: object = {}, from = acEndpoint): WtpOutput<string>[] {
    return this.give({ type, sequence: this.last, elements: { ...completeElements[type], ...elements } } as unknown as Message, from);
  }

  refuse(response: "joinResponse" | "echoResponse" | "configurationStatusResponse", resultCode: number): WtpOutput<string>[] {
    const failure = { type: "failureResponse", response, sequence: this.last, elements: { resultCode } } as const;
    return this.act((out) => this.wtp.datagram(this.now, datagramOf(acEndpoint, failure), out));
  }

  start(): WtpOutput<string>[] {
    return this.act((out) => this.wtp.start(this.now, out));
  }

  /** Goes on to the next deadline. */
  tick(): WtpOutput<string>[] {
    this.now = this.wtp.nextWakeAt() ?? Number.NaN;
    return this.act((out) => this.wtp.wake(this.now, out));
  }

  to(state: WtpState): this {
    if (state === "idle") return this;
    this.start();
    if (state === "sulking") while (this.wtp.state !== "sulking") this.tick();
    if (state === "discovery" || state === "sulking") return this;
    this.tick();
    this.answer("discoveryResponse");
    if (state === "join" || state === "connect") return this;
    this.answer("joinResponse", state === "image-data" ? { imageIdentifier: identifier } : {});
    if (state === "configure" || state === "image-data") return this;
    this.answer("configurationStatusResponse");
    if (state === "data-check") return this;
    this.answer("changeStateEventResponse");
    if (state === "run") return this;
    this.ask("resetRequest");
    this.act((out) => this.wtp.answerReset(this.now, 0, out));
    return this;
  }
}

const settingsOf = (state: WtpState): Partial<WtpSettings> => ({
  ...(state === "connect" && { linkMode: "dtls" as const }),
  ...(state === "image-data" && { bootImageDownload: true }),
});
const benchIn = (state: WtpState): Bench => {
  const bench = new Bench(settingsOf(state)).to(state);
  if (bench.wtp.state !== state) throw new Error(`${bench.wtp.state} where ${state} is due`);
  return bench;
};

const events = (out: readonly WtpOutput<string>[]): string[] =>
  out.flatMap((output) => {
    if (output.type === "send") return [];
    if (output.type === "state") return [`state ${output.state}`];
    return [output.type === "dropped" ? `dropped ${output.reason}` : output.type];
  });
const find = <Type extends WtpEvent<string>["type"]>(out: readonly WtpOutput<string>[], type: Type) =>
  out.find((output): output is Extract<WtpEvent<string>, { type: Type }> => output.type === type);

const states: readonly WtpState[] = [
  "idle",
  "discovery",
  "sulking",
  "connect",
  "join",
  "configure",
  "data-check",
  "run",
  "image-data",
  "reset",
];
const requests = (Object.keys(messages) as MessageName[]).filter(isRequest) as RequestName[];

/** Effect of each request that a state takes: the event and the response. What is not listed is refused with 18, or 19 for what flexup does not speak. */
const taken: { readonly [S in WtpState]?: { readonly [Name in RequestName]?: readonly [string, string] } } = {
  run: {
    configurationUpdateRequest: ["configuration-update", ""],
    clearConfigurationRequest: ["clear-configuration", ""],
    resetRequest: ["reset-wanted", ""],
    imageDataRequest: ["", "imageDataResponse 18"],
  },
  "image-data": { imageDataRequest: ["", "imageDataResponse 18"] },
};
const withoutPeer: ReadonlySet<WtpState> = new Set(["idle", "discovery", "sulking"]);

t.test("every request in every state", async (t) => {
  for (const state of states) {
    for (const name of requests) {
      const bench = benchIn(state);
      const out = bench.ask(name);
      const what = `${name} in ${state}`;
      const response = sentIn(out).map(inShort).join();
      if (withoutPeer.has(state)) {
        t.same([events(out), response], [[`dropped ${state === "discovery" ? "unknown-peer" : "wrong-state"}`], ""], what);
      } else if (state === "connect") t.match([events(out), response], [[/^dropped (clear-not-allowed|unknown-peer)$/], ""], what);
      else if (messages[name].sender === "wtp") t.same([events(out), response], [["dropped wrong-sender"], ""], what);
      else if (state === "data-check") t.same([events(out), response], [["dropped wrong-state"], ""], what);
      else {
        const [event, answer] = taken[state]?.[name] ?? [
          "dropped wrong-state",
          `${name.replace("Request", "Response")} ${name === "dataTransferRequest" || name === "stationConfigurationRequest" ? 19 : 18}`,
        ];
        t.same([events(out).join(), response], [event, answer], what);
      }
      t.equal(bench.wtp.state, state, `${what}: no change of state`);
    }
  }
});

t.test("a response that answers nothing changes nothing", async (t) => {
  for (const state of states) {
    for (const name of Object.keys(messages) as MessageName[]) {
      if (isRequest(name)) continue;
      const bench = benchIn(state);
      const wakeAt = bench.wtp.nextWakeAt();
      const out = bench.give(completeMessage(name, 200));
      t.match(events(out), [/^dropped /], `${name} in ${state}`);
      t.same(sentIn(out), []);
      t.equal(bench.wtp.state, state);
      t.equal(bench.wtp.nextWakeAt(), wakeAt);
    }
  }
});

t.test("messages of another address are nobody's", async (t) => {
  for (const state of ["join", "configure", "data-check", "run"] as const) {
    const bench = benchIn(state);
    const out = bench.give(completeMessage("configurationUpdateRequest", 0), secondary);
    t.same(events(out), ["dropped unknown-peer"], state);
    t.same(sentIn(out), []);
  }
});

t.test("Discovery: random delays, ten rounds, Sulking for 30 s, and again", async (t) => {
  const bench = new Bench();
  t.same(events(bench.start()), ["state discovery"]);
  const waits: number[] = [];
  for (let round = 0; round < 10; round++) {
    const before = bench.now;
    t.same(sentIn(bench.tick()).map(inShort), ["discoveryRequest"]);
    waits.push(bench.now - before);
  }
  t.ok(waits.every((wait) => wait >= 0 && wait < 20_000) && new Set(waits).size === 10, "each delay is another");
  t.same(events(bench.tick()), ["state sulking"]);
  const sulksSince = bench.now;
  t.same(events(bench.give(completeMessage("discoveryResponse", bench.last))), ["dropped wrong-state"], "deaf while sulking");
  t.same(events(bench.tick()), ["state discovery"]);
  t.equal(bench.now - sulksSince, 30_000);
});

t.test("a list changed while sulking is tried at once", async (t) => {
  const bench = benchIn("sulking");
  const out = bench.act((out) => bench.wtp.setControllers(bench.now, [{ endpoint: secondary }], out));
  t.same(events(out), ["state discovery"]);
  bench.tick();
  t.equal(bench.sentTo.at(-1), secondary.address);
});

t.test("the first of the list that answers within DiscoveryInterval is joined", async (t) => {
  const controllers = [{ endpoint: acEndpoint }, { endpoint: secondary }];
  const joinedAfter = (answers: readonly Endpoint[]) => {
    const bench = new Bench({ controllers });
    bench.start();
    t.equal(sentIn(bench.tick()).length, 2, "both are asked");
    let waitedFrom = bench.now;
    for (const from of answers) bench.answer("discoveryResponse", {}, from);
    if (bench.wtp.state === "discovery") {
      waitedFrom = bench.now;
      bench.tick();
    }
    return { to: bench.wtp.controller?.address, waitedMs: bench.now - waitedFrom };
  };
  t.same(joinedAfter([secondary, acEndpoint]), { to: acEndpoint.address, waitedMs: 0 }, "nobody left to wait for");
  t.same(joinedAfter([secondary]), { to: secondary.address, waitedMs: 5_000 });
  t.same(joinedAfter([acEndpoint]), { to: acEndpoint.address, waitedMs: 5_000 });
});

t.test("answers that are not from the list, under another name, or to no recent request do not count", async (t) => {
  const bench = new Bench({ controllers: [{ endpoint: acEndpoint, name: "wanted" }] });
  bench.start();
  bench.tick();
  t.same(events(bench.answer("discoveryResponse", { acName: "wanted" }, secondary)), ["dropped unknown-peer"]);
  t.same(events(bench.answer("discoveryResponse", { acName: "other" })), ["dropped unknown-peer"]);
  t.same(events(bench.give({ ...completeMessage("discoveryResponse", bench.last + 1) } as Message)), ["dropped wrong-state"]);
  t.same(events(bench.answer("discoveryResponse", { acName: "wanted" })), ["state join"]);
});

t.test("an AC Name of nothing but NULs is none, and is never said back", async (t) => {
  const bench = new Bench();
  bench.start();
  bench.tick();
  const elements = { ...discovered, acName: "~~" };
  const datagram = datagramOf(acEndpoint, { type: "discoveryResponse", sequence: bench.last, elements });
  const nameless = { ...datagram, bytes: datagram.bytes.map((octet) => (octet === "~".charCodeAt(0) ? 0 : octet)) };
  t.same(events(bench.act((out) => bench.wtp.datagram(bench.now, nameless, out))), ["dropped unrecognized-element"]);
});

t.test("any controller may answer a broadcast", async (t) => {
  const bench = new Bench({ controllers: [{ endpoint: { address: "255.255.255.255", port: 5246 } }] });
  bench.start();
  bench.tick();
  t.same(events(bench.answer("discoveryResponse")), [], "others may answer, too");
  t.same(events(bench.tick()), ["state join"]);
  t.same(bench.wtp.controller, acEndpoint);
});

t.test("many answers to a broadcast, which anybody can make up, are not all kept", async (t) => {
  const choice = new ControllerChoice([{ endpoint: { address: "255.255.255.255", port: 5246 } }], 1_000);
  const kept = Array.from({ length: 1_000 }, (_, at) => choice.answered({ address: `10.0.${at >> 8}.${at & 255}`, port: 5246 }, "ac"));
  t.equal(kept.filter(Boolean).length, 64);
  t.ok(choice.answered({ address: "10.0.0.1", port: 5246 }, "renamed"), "one that has answered may answer again");
});

t.test("a controller that refused comes after the others", async (t) => {
  const bench = new Bench({ controllers: [{ endpoint: acEndpoint }, { endpoint: secondary }] });
  const both = () => {
    while (sentIn(bench.tick()).length === 0);
    bench.answer("discoveryResponse", {}, secondary);
    bench.answer("discoveryResponse", {}, acEndpoint);
  };
  bench.start();
  both();
  const out = bench.refuse("joinResponse", 4);
  t.same(events(out), ["disconnected", "state discovery"]);
  t.match(find(out, "disconnected"), { reason: "refused", resultCode: 4, detail: /joinResourceDepletion/ });
  both();
  t.same(bench.wtp.controller, secondary);
});

t.test("a controller that was started again is joined again, before the others", async (t) => {
  const bench = new Bench({ controllers: [{ endpoint: acEndpoint }, { endpoint: secondary }] });
  const both = () => {
    while (sentIn(bench.tick()).length === 0);
    bench.answer("discoveryResponse", {}, secondary);
    bench.answer("discoveryResponse", {}, acEndpoint);
  };
  bench.start();
  both();
  bench.answer("joinResponse");
  bench.answer("configurationStatusResponse");
  bench.answer("changeStateEventResponse");
  bench.tick();
  t.match(find(bench.refuse("echoResponse", 18), "disconnected"), { reason: "refused", resultCode: 18 });
  both();
  t.same(bench.wtp.controller, acEndpoint);
});

t.test("no answer to a request: a new search after 66 s", async (t) => {
  for (const state of ["join", "configure", "data-check", "run"] as const) {
    const bench = benchIn(state);
    let out: WtpOutput<string>[] = [];
    while (bench.wtp.state === state) out = bench.tick();
    t.match(find(out, "disconnected"), { reason: "no-response" }, state);
    t.equal(bench.now > 66_000, true);
    t.equal(bench.wtp.state, "discovery");
  }
});

t.test("a refused request ends the session", async (t) => {
  for (const [state, response] of [
    ["join", "joinResponse"],
    ["configure", "configurationStatusResponse"],
  ] as const) {
    const bench = benchIn(state);
    t.match(find(bench.refuse(response, 18), "disconnected"), { reason: "refused", resultCode: 18 }, state);
  }
  const bench = benchIn("run");
  bench.tick();
  t.match(
    find(bench.refuse("echoResponse", 18), "disconnected"),
    { reason: "refused", resultCode: 18 },
    "a controller that was started again",
  );
});

t.test("Echo: at the interval that the controller set, not while another request does its service", async (t) => {
  const bench = new Bench().to("configure");
  bench.answer("configurationStatusResponse", { capwapTimers: { discoverySeconds: 20, echoSeconds: 10 } });
  bench.answer("changeStateEventResponse");
  const since = bench.now;
  t.same(sentIn(bench.tick()).map(inShort), ["echoRequest"]);
  t.equal(bench.now - since, 10_000);
  bench.answer("echoResponse");
  bench.now += 9_000;
  const report = { type: "wtpEventRequest", elements: completeElements.wtpEventRequest } as const;
  bench.act((out) => bench.wtp.request(bench.now, report, "report", out));
  t.match(find(bench.answer("wtpEventResponse"), "answered"), { tag: "report", resultCode: 0 });
  const reportedAt = bench.now;
  bench.tick();
  t.equal(bench.now - reportedAt, 10_000, "the report restarted the timer");
});

t.test("requests of the agent", async (t) => {
  const report = { type: "wtpEventRequest", elements: completeElements.wtpEventRequest } as const;
  const early = benchIn("configure");
  t.match(
    early.act((out) => early.wtp.request(0, report, "early", out)),
    [{ type: "unanswered", tag: "early", reason: "session-ended" }],
  );
  const bench = benchIn("run");
  t.same(sentIn(bench.act((out) => bench.wtp.request(bench.now, report, "a", out))).map(inShort), ["wtpEventRequest"]);
  t.same(sentIn(bench.act((out) => bench.wtp.request(bench.now, report, "b", out))), [], "one at a time");
  t.same(sentIn(bench.answer("wtpEventResponse")).map(inShort), ["wtpEventRequest"]);
  const out = bench.act((out) => bench.wtp.stop(bench.now, out));
  t.same(events(out), ["unanswered", "disconnected", "state idle"]);
  t.equal(bench.wtp.nextWakeAt(), undefined);
});

t.test("a request is answered once, and repeats get the same answer", async (t) => {
  const bench = benchIn("run");
  bench.ask("configurationUpdateRequest");
  bench.sequence--;
  t.same(events(bench.ask("configurationUpdateRequest")), ["dropped repeat-while-busy"]);
  const answer = (code: number) => bench.act((out) => bench.wtp.answerConfigurationUpdate(0, { resultCode: code }, out));
  t.same(sentIn(answer(17)).map(inShort), ["configurationUpdateResponse 17"]);
  t.same(sentIn(answer(0)), [], "answered already");
  bench.sequence--;
  t.same(sentIn(bench.ask("configurationUpdateRequest")).map(inShort), ["configurationUpdateResponse 17"]);
});

t.test("Reset: answered, then quiet; a repeat still gets its answer", async (t) => {
  const bench = benchIn("run");
  t.match(find(bench.ask("resetRequest"), "reset-wanted"), { identifier });
  t.same(sentIn(bench.act((out) => bench.wtp.answerReset(0, 10, out))).map(inShort), ["resetResponse 10"]);
  t.equal(bench.wtp.state, "run", "10 means that there will be no reset");
  bench.ask("resetRequest");
  t.same(events(bench.act((out) => bench.wtp.answerReset(0, 0, out))), ["state reset"]);
  t.equal(bench.wtp.nextWakeAt(), undefined);
  bench.sequence--;
  t.same(sentIn(bench.ask("resetRequest")).map(inShort), ["resetResponse"]);
});

t.test("WTP Fallback", async (t) => {
  const controllers = [{ endpoint: acEndpoint }, { endpoint: secondary, name: "controller-2" }];
  const onSecondary = (fallback: "enabled" | "disabled") => {
    const bench = new Bench({ controllers });
    bench.start();
    bench.tick();
    bench.answer("discoveryResponse", { acName: "controller-2" }, secondary);
    bench.tick();
    bench.answer("joinResponse", { acName: "controller-2" }, secondary);
    bench.answer("configurationStatusResponse", { wtpFallback: fallback }, secondary);
    bench.answer("changeStateEventResponse", {}, secondary);
    t.equal(bench.wtp.state, "run");
    return bench;
  };
  /** Runs to the Primary Discovery Request and gives its sequence number. */
  const asked = (bench: Bench): number => {
    const echoes = bench.act((out) => {
      bench.now = bench.wtp.nextWakeAt() ?? 0;
      bench.wtp.wake(bench.now, out);
    });
    const found = sentIn(echoes).find(({ type }) => type === "primaryDiscoveryRequest");
    bench.give(
      { type: "echoResponse", sequence: sentIn(echoes).find(({ type }) => type === "echoRequest")?.sequence ?? 0, elements: {} },
      secondary,
    );
    return found?.sequence ?? -1;
  };

  const bench = onSecondary("enabled");
  const sequence = asked(bench);
  t.ok(sequence >= 0, "the preferred controller is asked while the session with the other runs");
  t.ok(bench.sentTo.includes(acEndpoint.address));
  const out = bench.give(completeMessage("primaryDiscoveryResponse", sequence));
  t.same(events(out), ["disconnected", "state join"]);
  t.match(find(out, "disconnected"), { reason: "fallback" });
  t.same(bench.wtp.controller, acEndpoint);

  const stays = onSecondary("disabled");
  t.equal(asked(stays), -1, "not asked when the controller says no");
  t.same(events(stays.give(completeMessage("primaryDiscoveryResponse", 0))), ["dropped stray-response"]);

  const busy = onSecondary("enabled");
  busy.act((out) => busy.wtp.startImage(busy.now, identifier, undefined, out));
  t.same(events(busy.give(completeMessage("primaryDiscoveryResponse", 0))), [], "a download is finished first");
  t.equal(busy.wtp.state, "run");
});

t.test("boot-time download (§9.1), where it is switched on", async (t) => {
  const joinWith = (settings: Partial<WtpSettings>, self: Partial<WtpSelf>) => {
    const bench = new Bench(settings, self).to("join");
    return { bench, out: bench.answer("joinResponse", { imageIdentifier: identifier }) };
  };
  t.same(events(joinWith({}, {}).out), ["state configure"], "off by default");
  t.same(events(joinWith({ bootImageDownload: true }, { activeVersion: "8.5" }).out), ["state configure"], "runs it already");
  t.same(
    events(joinWith({ bootImageDownload: true }, { otherVersions: ["8.5"] }).out),
    ["restart-wanted", "state reset"],
    "in flash already",
  );

  const { bench, out } = joinWith({ bootImageDownload: true }, {});
  t.same(events(out), ["state image-data", "boot-image-wanted"]);
  const start = bench.act((out) => bench.wtp.startImage(bench.now, identifier, undefined, out));
  t.match(sentIn(start), [{ type: "imageDataRequest", elements: { imageIdentifier: identifier, initiateDownload: {} } }]);
  bench.answer("imageDataResponse", { imageInformation: { sizeBytes: 3, md5: new Uint8Array(16) } });
  bench.ask("imageDataRequest", { imageData: { dataType: "last", data: hex("010203") } });
  const done = bench.act((out) => bench.wtp.blockStored(bench.now, 0, out));
  t.same(sentIn(done).map(inShort), ["imageDataResponse"]);
  t.same(events(done), ["image-complete", "restart-wanted", "state reset"]);

  const silent = joinWith({ bootImageDownload: true }, {}).bench;
  t.same(events(silent.tick()), ["disconnected", "state discovery"], "nothing came of it in ImageDataStartTimer");
});

t.test("DTLS: Join waits for the link, and its loss ends the session", async (t) => {
  const bench = new Bench({ linkMode: "dtls" });
  bench.start();
  bench.tick();
  const out = bench.answer("discoveryResponse");
  t.same(events(out), ["state connect", "open-link"]);
  bench.act((out) => bench.wtp.linkUp(bench.now, secondary, out));
  t.equal(bench.wtp.state, "connect", "another peer's link");
  const up = bench.act((out) => bench.wtp.linkUp(bench.now, acEndpoint, out));
  t.match(
    up.find(({ type }) => type === "send"),
    { carriage: "dtls" },
  );
  t.same(events(bench.answer("joinResponse")), ["dropped clear-not-allowed"]);
  const down = bench.act((out) => bench.wtp.linkDown(bench.now, acEndpoint, out));
  t.same(events(down), ["disconnected", "close-link", "state discovery"]);

  const never = benchIn("connect");
  const since = never.now;
  t.match(find(never.tick(), "disconnected"), { reason: "link-timeout" });
  t.equal(never.now - since, 60_000);
});

t.test("settings that are not applied are not reported as applied", async (t) => {
  const outcome = (elements: object, resultCode = 0): string => {
    const bench = new Bench().to("run");
    bench.ask("configurationUpdateRequest", elements);
    return sentIn(bench.act((out) => bench.wtp.answerConfigurationUpdate(bench.now, { resultCode }, out)))
      .map(inShort)
      .join();
  };
  for (const [name, elements] of Object.entries({
    wtpName: { wtpName: "renamed" },
    locationData: { locationData: "elsewhere" },
    radioAdministrativeState: { radioAdministrativeState: [{ radioId: 1, state: "disabled" }] },
    acNameWithPriority: { acNameWithPriority: [{ priority: 1, name: "other" }] },
    statisticsTimer: { statisticsTimer: 30 },
    "another vendor's": { vendorPayload: [{ vendor: 12_356, elementId: 148, data: new Uint8Array([1]) }] },
    "one of them among others": { wtpFallback: "enabled", statisticsTimer: 30 },
  })) {
    t.equal(outcome(elements), "configurationUpdateResponse 12", name);
  }
  t.equal(outcome({ capwapTimers: { discoverySeconds: 5, echoSeconds: 5 }, wtpFallback: "disabled" }), "configurationUpdateResponse");
  t.equal(
    outcome({ imageIdentifier: identifier, statisticsTimer: 30 }, 16),
    "configurationUpdateResponse 16",
    "what failed stays a failure",
  );
});

t.test("from an AC that speaks the session token, requests without it are dropped", async (t) => {
  const sessionToken = new Uint8Array(16).fill(3);
  const bench = new Bench().to("join");
  bench.answer("joinResponse", { sessionToken });
  bench.answer("configurationStatusResponse");
  bench.answer("changeStateEventResponse");
  const forged = bench.ask("resetRequest");
  t.match(forged, [{ type: "dropped", reason: "wrong-token" }]);
  t.match(bench.ask("resetRequest", { ...completeElements.resetRequest, sessionToken: new Uint8Array(16) }), [{ reason: "wrong-token" }]);
  t.match(bench.ask("resetRequest", { ...completeElements.resetRequest, sessionToken }), [{ type: "reset-wanted" }]);
});

t.test("keep-alives go to the port behind an AC that offers the data channel, and Run does not depend on their answers", async (t) => {
  const acDescriptor = { ...completeElements.joinResponse.acDescriptor, dtlsPolicy: 2 };
  const bench = new Bench().to("join");
  bench.answer("joinResponse", { acDescriptor });
  bench.answer("configurationStatusResponse");
  bench.answer("changeStateEventResponse");
  const sentAt: number[] = [];
  const began = bench.now;
  let packet: WtpOutput<string> | undefined;
  while (bench.now < began + 100_000) {
    for (const output of bench.tick()) {
      if (output.type !== "send" || output.channel !== "data") continue;
      packet = output;
      sentAt.push(bench.now - began);
    }
    bench.answer("echoResponse");
  }
  t.same(sentAt.slice(0, 4), [0, 30_000, 60_000, 90_000]);
  t.match(packet, { to: { ...acEndpoint, port: acEndpoint.port + 1 } });
  t.equal(bench.wtp.state, "run", "though none was answered");
  const bytes = packet?.type === "send" ? packet.bytes : new Uint8Array();
  const from = { ...acEndpoint, port: acEndpoint.port + 1 };
  t.same(
    bench.act((out) => bench.wtp.datagram(bench.now, { from, bytes, carriage: "clear" }, out)),
    [],
    "an answer is no stray",
  );
});

t.test("no keep-alive goes to an AC that wants its data channel encrypted, or offers none", async (t) => {
  for (const dtlsPolicy of [0, 4]) {
    const acDescriptor = { ...completeElements.joinResponse.acDescriptor, dtlsPolicy };
    const bench = new Bench().to("join");
    bench.answer("joinResponse", { acDescriptor });
    bench.answer("configurationStatusResponse");
    bench.answer("changeStateEventResponse");
    const sent = bench.tick().filter((output) => output.type === "send" && output.channel === "data");
    t.same([sent, bench.wtp.state], [[], "run"]);
  }
});
