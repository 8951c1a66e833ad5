/** An AC without a controller, and WTPs that are driven by hand. */
import { type Endpoint, endpointText } from "../../src/base/endpoint.js";
import type { AcEvent, AcOutput, AcPolicy, AcSettings } from "../../src/core/capwap/ac/ac-contract.js";
import type { AcState } from "../../src/core/capwap/ac/ac-states.js";
import { AccessController } from "../../src/core/capwap/ac/access-controller.js";
import { joinRequestElements } from "../../src/core/capwap/wtp/wtp-messages.js";
import { isRequest, type Message, type MessageName } from "../../src/wire/capwap/messages.js";
import { completeMessage, datagramOf, sentIn } from "./capwap-messages.js";
import { accepting, acSettings, wtpEndpoint, wtpSelf } from "./capwap-world.js";

export type SessionState = Exclude<AcState, "ended">;

export class AcBench {
  readonly ac: AccessController<string>;
  readonly peer = wtpEndpoint(0);
  now = 0;
  sequence = 0;
  /** WTPs put the session token of their Join Response into their requests. */
  speaksToken = true;
  bytesReceived = 0;
  /** Of the newest Join Response, by the WTP's address. */
  readonly #tokens = new Map<string, Uint8Array>();

  constructor(settings: Partial<AcSettings> = {}, policy: AcPolicy = accepting) {
    this.ac = new AccessController({ ...acSettings, ...settings }, policy);
  }

  give(message: Message, from = this.peer): AcOutput<string>[] {
    const out: AcOutput<string>[] = [];
    const datagram = datagramOf(from, this.#withToken(message, from));
    this.bytesReceived += datagram.bytes.length;
    this.ac.datagram(this.now, datagram, out);
    for (const sent of sentIn(out)) {
      if (sent.type === "joinResponse" && sent.elements.sessionToken) this.#tokens.set(endpointText(from), sent.elements.sessionToken);
    }
    return out;
  }

  #withToken(message: Message, from: Endpoint): Message {
    const sessionToken = this.#tokens.get(endpointText(from));
    if (!this.speaksToken || sessionToken === undefined || !isRequest(message.type) || message.type === "joinRequest") return message;
    return { ...message, elements: { ...message.elements, sessionToken } } as Message;
  }

  ask(type: MessageName, from = this.peer): AcOutput<string>[] {
    return this.give(completeMessage(type, this.sequence++), from);
  }

  join(index = 0, sessionId = new Uint8Array(16).fill(index + 1), from = wtpEndpoint(index)): AcOutput<string>[] {
    return this.give({ type: "joinRequest", sequence: this.sequence++, elements: joinRequestElements(wtpSelf(index), sessionId) }, from);
  }

  act(work: (out: AcOutput<string>[]) => void): AcOutput<string>[] {
    const out: AcOutput<string>[] = [];
    work(out);
    return out;
  }

  wakeAt(now: number): AcOutput<string>[] {
    this.now = now;
    return this.act((out) => this.ac.wake(now, out));
  }

  /** Brings the session of WTP 0 into a state. */
  to(state: SessionState): this {
    this.join();
    if (state === "image-data") this.ask("imageDataRequest");
    if (state === "image-data") this.act((out) => this.ac.answerImage(this.now, 1, { type: "refuse", resultCode: 16 }, out));
    if (state === "configure" || state === "run") this.ask("configurationStatusRequest");
    if (state === "run") this.ask("changeStateEventRequest");
    return this;
  }
}

export const eventsIn = (out: readonly AcOutput<string>[]): string[] =>
  out.flatMap((output) => (output.type === "send" ? [] : [output.type === "dropped" ? `dropped ${output.reason}` : output.type]));
export const findEvent = <Type extends AcEvent<string>["type"]>(out: readonly AcOutput<string>[], type: Type) =>
  out.find((output): output is Extract<AcEvent<string>, { type: Type }> => output.type === type);
