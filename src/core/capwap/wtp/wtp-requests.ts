/** Which requests of the AC a WTP takes, and when (RFC 5415 §2.3.1, §4.5.3). */

import type { Instant } from "../../../base/time.js";
import { type ElementsOf, type Message, messages, type RequestName } from "../../../wire/capwap/messages.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { DropReason } from "../contract.js";
import type { Received } from "../link/intake.js";
import { failureResponse } from "../link/problem-answer.js";
import { dropReasonOf } from "../link/request-channel.js";
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

export type RequestReceived = Omit<Received, "message"> & { readonly message: Message<RequestName> };

/**
 * Judges a request and deals with one that is not to be carried out: says why it was dropped, repeats or gives its answer.
 * @param awaitsOffer our Image Data Request has no answer yet
 * @returns whether to carry it out
 */
export function admitRequest<Tag>(
  now: Instant,
  link: WtpLink<Tag>,
  state: WtpState,
  awaitsOffer: boolean,
  { message, octets }: RequestReceived,
  out: WtpOutput<Tag>[],
): boolean {
  const { type: name, sequence } = message;
  const drop = (reason: DropReason, detail: string): false => {
    out.push({ type: "dropped", reason, from: link.peer.endpoint, detail });
    return false;
  };
  if (messages[name].sender === "wtp") return drop("wrong-sender", name);
  if (!link.isFromAc(message)) return drop("wrong-token", name);
  if (hasOvertaken(state, awaitsOffer, name)) return drop("wrong-state", `${name} before the response that it follows`);
  const arrival = link.admit(now, name, sequence, octets, out);
  if (arrival !== "new") {
    const reason = dropReasonOf[arrival];
    return reason !== undefined && drop(reason, name);
  }
  if (accepts[state].includes(name)) return true;
  const resultCode = spoken.has(name) ? resultCodes.messageUnexpected : resultCodes.messageUnrecognized;
  drop("wrong-state", `${name} in state ${state}`);
  link.answer(sequence, link.maker.message(failureResponse(name, sequence, resultCode)), out);
  return false;
}

/**
 * The AC is a step ahead, since a response of its was lost or is late: in Run while we wait for the Change State Event
 * Response, or sending blocks before we know that it will. Not taken now; its repeat finds us there.
 */
const hasOvertaken = (state: WtpState, awaitsOffer: boolean, name: RequestName): boolean =>
  state === "data-check" || (name === "imageDataRequest" && awaitsOffer);

/** Elements of a Configuration Update Request that the WTP or its agent carries out. */
const applied: ReadonlySet<string> = new Set<keyof ElementsOf<"configurationUpdateRequest">>([
  "capwapTimers",
  "wtpFallback",
  "imageIdentifier",
  "upgradeOrder",
  "servingLimits",
  "streamOrder",
  "upgradeAbort",
  "swapOrder",
  "holdingChallenge",
  "bundlePart",
  "downgradePolicy",
  "keptSlots",
  "sessionToken",
]);

/** Whether a Configuration Update Request holds settings that are not applied, which Result Code 12 has to say (§4.6.35). */
export const leavesUnapplied = ({ message: { elements }, skipped }: RequestReceived): boolean =>
  skipped > 0 || Object.keys(elements).some((name) => !applied.has(name));
