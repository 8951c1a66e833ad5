/** Each event as one line for people. */
import { stateWords } from "../../../core/controller/activation/activation-state.js";
import type { ControllerEvent, ControllerEventType } from "../../../core/controller/events.js";
import { bytesText } from "./format.js";

export type EventTone = "info" | "good" | "warning" | "bad";

export interface EventText {
  readonly tone: EventTone;
  readonly text: string;
}

type Writers = {
  readonly [Type in ControllerEventType]: (event: Extract<ControllerEvent, { type: Type }>, name: (mac: string) => string) => EventText;
};

const info = (text: string): EventText => ({ tone: "info", text });
const good = (text: string): EventText => ({ tone: "good", text });
const warning = (text: string): EventText => ({ tone: "warning", text });
const bad = (text: string): EventText => ({ tone: "bad", text });

const ends: Readonly<Record<string, (text: string) => EventText>> = {
  complete: good,
  failed: bad,
  aborted: warning,
  unsupported: warning,
  partial: warning,
};
const whose = (group: string | null): string => (group === null ? "" : ` in ${group}`);
const refusals = {
  "unknown-identity": "it has no credential here, or a revoked one",
  "wrong-key": "its key is another",
  certificate: "its certificate does not verify",
} as const;
const because = { start: "as the run began", holder: "because it holds the image", "next-eligible": "as the next in line" } as const;

const writers: Writers = {
  "ap-joined": (event) => good(`${event.name} (${event.model}) joined from ${event.from.address}`),
  "ap-left": (event) => warning(`${event.name} left: ${event.why}`),
  "ap-forgotten": (event) => info(`${event.name} was forgotten: absent the longest and in no group, it made room for a new AP`),
  "ap-renamed": (event) => info(`${event.formerName} is now ${event.name}`),
  "run-started": (event) => info(`Run ${event.runId} started${whose(event.group)}: ${event.release} release`),
  "run-finished": (event) => (ends[event.state] ?? info)(`Run ${event.runId}${whose(event.group)} ended: ${event.state}`),
  "primary-elected": (event, name) =>
    (event.warning === null ? info : warning)(
      `${name(event.mac)} is primary for ${event.family}, ${event.manual ? "chosen manually" : because[event.because]}${event.warning === null ? "" : `. ${event.warning}`}`,
    ),
  "primary-lost": (event, name) => warning(`${name(event.mac)} is no longer primary for ${event.family}: ${event.why}`),
  "ap-distrusted": (event, name) => warning(`${name(event.mac)} no longer serves other APs: it ${event.why}`),
  "primary-unreachable": (event, name) =>
    warning(
      `${name(event.mac)} cannot reach its primary ${name(event.primary)} by TFTP: ${event.detail}. Check that both are in one subnet or that TFTP is allowed between them`,
    ),
  "ap-phase": (event, name) =>
    (ends[event.phase] ?? info)(
      `${name(event.mac)} (${event.role}): ${event.phase}${event.reason === "none" ? "" : `, ${event.reason}`}${event.detail === "" ? "" : `. ${event.detail}`}`,
    ),
  "ap-bytes": (event, name) => info(`${bytesText(event.wanBytes)} went to ${name(event.mac)} over the WAN`),
  "ap-progress": (event, name) => info(`${name(event.mac)} has ${bytesText(event.bytesDone)} of ${bytesText(event.bytesTotal)}`),
  "swap-done": (event, name) => good(`${name(event.mac)} swapped its images`),
  "reset-sent": (event, name) => info(`${name(event.mac)} resets to ${event.version}`),
  "reset-confirmed": (event, name) => good(`${name(event.mac)} came back on ${event.version}`),
  "reset-unconfirmed": (event, name) =>
    bad(`${name(event.mac)} should run ${event.version} but ${event.reported === null ? "has not come back" : `runs ${event.reported}`}`),
  storage: (event) =>
    event.state === "writable"
      ? good("The controller can store changes again")
      : bad(`The controller cannot store changes: ${event.reason}`),
  "peer-images": (event) =>
    event.reachable
      ? (event.verdict === "same" ? good : bad)(
          `Peer controller ${event.peer} holds ${event.verdict === "same" ? "the same images" : `other images: ${event.detail}`}`,
        )
      : warning(`Peer controller ${event.peer} does not answer: ${event.detail}`),
  "duplicate-mac": (event) =>
    warning(
      `Two devices have the same MAC address ${event.mac}: ${event.name} (serial ${event.serial}) is joined from ${event.from.address}, ` +
        `serial ${event.otherSerial} from ${event.otherFrom.address} waits`,
    ),
  activation: ({ group, state }) =>
    (state.phase === "ended" ? { complete: good, partial: warning, stopped: bad, aborted: warning }[state.outcome] : info)(
      `The activation of ${group} is ${stateWords(state)}`,
    ),
  "ap-rolled-back": ({ name, version, detail }) => bad(`${name} went back from ${version} to its former image: ${detail}`),
  "ap-activated": (event, name) => good(`${name(event.mac)} runs ${event.version}`),
  "ap-not-activated": (event, name) => bad(`${name(event.mac)} does not run ${event.version}: ${event.reason}`),
  "link-refused": (event) =>
    warning(`${event.identity ?? "A peer"} at ${event.from.address} was refused: ${refusals[event.reason]}. ${event.detail}`),
  "image-damaged": (event) => bad(`The image file ${event.sha256.slice(0, 12)}… is damaged: ${event.detail}. Add the image again.`),
  "order-done": (event) => info(`${event.order}${event.target === "" ? "" : `: ${event.target}`}`),
  "order-refused": (event) => warning(`${event.order} refused: ${event.failure.message}`),
  "datagram-dropped": (event) => warning(`Datagram from ${event.from.address} dropped: ${event.why}. ${event.detail}`),
};

/** @param name an AP's current name */
export function eventText(event: ControllerEvent, name: (mac: string) => string): EventText {
  // A newer controller may send events that this page does not know.
  const write = writers[event.type] as ((event: ControllerEvent, name: (mac: string) => string) => EventText) | undefined;
  return write === undefined ? info((event as { type: string }).type) : write(event, name);
}
