/** Which requests of the AC a WTP takes, and when (RFC 5415 §2.3.1, §4.5.3). */
import { type Message, messages, type RequestName } from "../../../wire/capwap/messages.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { DropReason } from "../contract.js";
import { failureResponse } from "../link/problem-answer.js";
import type { WtpOutput, WtpState } from "./wtp-contract.js";
import type { WtpLink } from "./wtp-link.js";

/** Requests of the AC that a state takes; any other that the WTP speaks is answered with Result Code 18. */
const accepts: Readonly<Record<WtpState, readonly RequestName[]>> = {
  idle: [],
  discovery: [],
  sulking: [],
  connect: [],
  join: [],
  configure: [],
  "data-check": [],
  run: ["configurationUpdateRequest", "clearConfigurationRequest", "resetRequest", "imageDataRequest"],
  "image-data": ["imageDataRequest"],
  reset: [],
};
const spoken: ReadonlySet<RequestName> = new Set(Object.values(accepts).flat());

/**
 * Judges a request and deals with one that is not to be carried out: says why it was dropped, repeats or gives its answer.
 * @param awaitsOffer our Image Data Request has no answer yet
 * @returns whether to carry it out
 */
export function admitRequest<Tag>(
  link: WtpLink<Tag>,
  state: WtpState,
  awaitsOffer: boolean,
  { type: name, sequence }: Message<RequestName>,
  out: WtpOutput<Tag>[],
): boolean {
  const drop = (reason: DropReason, detail: string): false => {
    out.push({ type: "dropped", reason, from: link.peer.endpoint, detail });
    return false;
  };
  if (messages[name].sender === "wtp") return drop("wrong-sender", name);
  if (hasOvertaken(state, awaitsOffer, name)) return drop("wrong-state", `${name} before the response that it follows`);
  const arrival = link.admit(name, sequence, out);
  if (arrival === "repeat") return false;
  if (arrival !== "new") return drop(arrival === "busy" ? "repeat-while-busy" : "old-request", name);
  if (accepts[state].includes(name)) return true;
  const resultCode = spoken.has(name) ? resultCodes.messageUnexpected : resultCodes.messageUnrecognized;
  drop("wrong-state", `${name} in state ${state}`);
  link.answer(link.maker.message(failureResponse(name, sequence, resultCode)), out);
  return false;
}

/**
 * The AC is a step ahead, since a response of its was lost or is late: in Run while we wait for the Change State Event
 * Response, or sending blocks before we know that it will. Not taken now; its repeat finds us there.
 */
const hasOvertaken = (state: WtpState, awaitsOffer: boolean, name: RequestName): boolean =>
  state === "data-check" || (name === "imageDataRequest" && awaitsOffer);
