/** The AC's states for one WTP and what each takes (RFC 5415 §2.3.1). */
import type { RequestName } from "../../../wire/capwap/messages.js";

export type AcState = "join" | "configure" | "image-data" | "run" | "ended";

/** Requests of the WTP that a state takes; any other that the AC speaks is answered with Result Code 18. */
const accepts: Readonly<Record<AcState, readonly RequestName[]>> = {
  join: ["configurationStatusRequest", "imageDataRequest"],
  configure: ["changeStateEventRequest"],
  "image-data": ["echoRequest", "imageDataRequest"],
  run: ["echoRequest", "wtpEventRequest", "changeStateEventRequest", "imageDataRequest"],
  ended: [],
};
const spoken: ReadonlySet<RequestName> = new Set(Object.values(accepts).flat());

export const isAccepted = (state: AcState, name: RequestName): boolean => accepts[state].includes(name);

/** Some state takes it; others are requests that the AC does not speak (§4.5.1.1). */
export const isSpokenByAc = (name: RequestName): boolean => spoken.has(name);
