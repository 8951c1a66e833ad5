/** The controller's events as log lines. */
import { endpointText } from "../../base/endpoint.js";
import { stateWords } from "../../core/controller/activation/activation-state.js";
import type { ControllerEvent } from "../../core/controller/events.js";
import type { LogAllowance, LogLine } from "../log.js";

type EventOf<Type extends ControllerEvent["type"]> = Extract<ControllerEvent, { readonly type: Type }>;

type Level = LogLine["level"];

/** How an event reads, and how loud it is where that is not always `info`. */
interface Wording<Event> {
  readonly message: (event: Event) => string;
  readonly level?: Level | ((event: Event) => Level);
}

const upgraded = ({ group }: { readonly group: string | null }): string => (group === null ? "all APs" : `group ${group}`);

const refusals: Readonly<Record<EventOf<"link-refused">["reason"], string>> = {
  "unknown-identity": "it has no credential here, or a revoked one",
  "wrong-key": "its key is another",
  certificate: "its certificate does not verify",
};

const wordings: { readonly [Type in ControllerEvent["type"]]: Wording<EventOf<Type>> } = {
  "ap-joined": { message: ({ name, model, from }) => `${name} (${model}) joined from ${endpointText(from)}` },
  "ap-left": { message: ({ name, why }) => `${name} left: ${why}`, level: "warn" },
  "ap-forgotten": { message: ({ name }) => `${name} was forgotten` },
  "duplicate-mac": {
    message: ({ mac, name, serial, from, otherSerial, otherFrom }) =>
      `two devices have the same MAC address ${mac}: ${name} (serial ${serial}) is joined from ${endpointText(from)}, serial ${otherSerial} from ${endpointText(otherFrom)} waits`,
    level: "warn",
  },
  "link-refused": {
    message: ({ identity, from, reason }) => `no link for ${identity ?? "a peer"} at ${endpointText(from)}: ${refusals[reason]}`,
    level: "warn",
  },
  "ap-renamed": { message: ({ name, formerName }) => `${formerName} is now called ${name}` },
  "run-started": { message: (event) => `run ${event.runId} started for ${upgraded(event)}: ${event.release} release` },
  "run-finished": { message: (event) => `run ${event.runId} for ${upgraded(event)} ended: ${event.state}` },
  "primary-elected": { message: ({ runId, family, mac }) => `run ${runId}: ${mac} is the primary for ${family}` },
  "primary-lost": {
    message: ({ runId, family, mac, why }) => `run ${runId}: ${mac} is no longer the primary for ${family}: ${why}`,
    level: "warn",
  },
  "ap-distrusted": {
    message: ({ runId, mac, why }) => `run ${runId}: ${mac} no longer serves other APs: ${why}`,
    level: "warn",
  },
  "primary-unreachable": {
    message: ({ runId, mac, primary }) => `run ${runId}: ${mac} cannot reach its primary ${primary} by TFTP`,
    level: "warn",
  },
  "ap-phase": { message: ({ runId, mac, role, phase }) => `run ${runId}: ${mac} as ${role}: ${phase}` },
  "ap-bytes": { message: ({ runId, mac, wanBytes }) => `run ${runId}: ${wanBytes} image bytes went to ${mac} over the WAN` },
  "ap-progress": { message: ({ runId, mac, bytesDone, bytesTotal }) => `run ${runId}: ${mac} has ${bytesDone} of ${bytesTotal} bytes` },
  "swap-done": { message: ({ mac }) => `${mac} swapped its images` },
  "reset-sent": { message: ({ mac, version }) => `${mac} was ordered to reset into ${version}` },
  "reset-confirmed": { message: ({ mac, version }) => `${mac} came back on ${version}` },
  "reset-unconfirmed": {
    message: ({ mac, version, reported }) =>
      `${mac} was reset into ${version} but ${reported === null ? "has not come back" : `came back on ${reported}`}`,
    level: "warn",
  },
  storage: {
    message: ({ state, reason }) =>
      state === "writable" ? "the data folder can be written again" : `the data folder cannot be written: ${reason}; changes are refused`,
    level: ({ state }) => (state === "writable" ? "info" : "warn"),
  },
  "peer-images": {
    message: ({ peer, verdict, reachable }) => (reachable ? `images of the peer ${peer}: ${verdict}` : `the peer ${peer} does not answer`),
    level: ({ verdict, reachable }) => (verdict === "same" && reachable ? "info" : "warn"),
  },
  activation: {
    message: ({ group, state }) => `the activation of group ${group} is ${stateWords(state)}`,
    level: ({ state }) => (state.phase === "ended" && state.outcome === "stopped" ? "warn" : "info"),
  },
  "ap-rolled-back": {
    message: ({ name, version, detail }) => `${name} went back from ${version} to its former image: ${detail}`,
    level: "warn",
  },
  "ap-activated": { message: ({ group, mac, version }) => `${mac} of group ${group} runs ${version}` },
  "ap-not-activated": {
    message: ({ group, mac, version, reason }) => `${mac} of group ${group} does not run ${version}: ${reason}`,
    level: "warn",
  },
  "image-damaged": {
    message: ({ sha256, detail }) => `the image file images/${sha256} is damaged: ${detail}; add it again`,
    level: "warn",
  },
  "order-done": { message: ({ order, target }) => `${order} ${target}`.trimEnd() },
  "order-refused": { message: ({ order, failure }) => `${order} refused: ${failure.message}`, level: "warn" },
  "datagram-dropped": { message: ({ detail }) => `dropped a datagram: ${detail}`, level: "warn" },
};

/** Events that come by the thousand and are read elsewhere (views, metrics). */
const unlogged: ReadonlySet<ControllerEvent["type"]> = new Set(["ap-progress", "ap-bytes"]);

const ofSessions: ReadonlySet<ControllerEvent["type"]> = new Set(["ap-joined", "ap-left", "ap-renamed", "ap-forgotten"]);

/** Events that a stranger can cause by forged Joins, at any rate. */
export const isOfSessions = ({ type }: ControllerEvent): boolean => ofSessions.has(type);

/** A branch that comes back all at once is logged in full. */
export const sessionLines: LogAllowance = { burst: 1000, perSecond: 5 };

/** @returns undefined for an event that is not logged */
export function controllerEventLine(event: ControllerEvent): LogLine | undefined {
  if (unlogged.has(event.type)) return undefined;
  const { message, level = "info" } = wordings[event.type] as Wording<ControllerEvent>;
  const common = { event: event.type, message: message(event), level: typeof level === "function" ? level(event) : level };
  const { type: _, ...rest } = event;
  const from = "from" in rest ? { from: endpointText(rest.from) } : {};
  if (!("mac" in rest)) return { ...common, fields: { ...rest, ...from } };
  const { mac, name, ...others } = rest as { readonly mac: string; readonly name?: string };
  return { ...common, ap: { mac, ...(name !== undefined && { name }) }, fields: { ...others, ...from } };
}
