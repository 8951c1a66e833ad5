/**
 * The controller as one machine: CAPWAP sessions on one side, the domain on the other. Whatever a step finds
 * out, its records come first in `out`, then every datagram, so that no AP hears of what a crash could forget.
 */
import { utf8 } from "../../base/bytes.js";
import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { bytesOfHex } from "../../base/hex.js";
import { invariant, unreachable } from "../../base/invariant.js";
import type { MacAddress } from "../../base/mac-address.js";
import { Prng } from "../../base/prng.js";
import { relay } from "../../base/relay.js";
import { type Sha256Hex, sha256HexOf, sha256Octets } from "../../base/sha256.js";
import { earliest, type Instant } from "../../base/time.js";
import type { ElementsOf } from "../../wire/capwap/messages.js";
import { isImageData } from "../../wire/capwap/peek.js";
import { resultCodes } from "../../wire/capwap/result-code.js";
import { type BundlePart, bundlePartBytesMax, type FailureReason, flexupEnterprise, type WireRunId } from "../../wire/capwap/vendor.js";
import type {
  AcOutput,
  AcRequest,
  CapwapSessionId,
  ImageAnswer,
  JoinVerdict,
  TransferOutcome,
  WtpIdentity,
} from "../capwap/ac/ac-contract.js";
import { AccessController } from "../capwap/ac/access-controller.js";
import type { Datagram, SendDatagram } from "../capwap/contract.js";
import type { CloseLink } from "../capwap/link/secure-link.js";
import { limits } from "../upgrade/limits.js";
import type { ApCommand } from "./ap-port.js";
import type { ControllerConfig, ControllerEffect, ControllerInput, ControllerMachine } from "./contract.js";
import { ControllerDomain } from "./domain.js";
import { LinkRefusals } from "./link-refusals.js";
import { refuse } from "./operator/refusals.js";
import { readRecords, type StoredState } from "./read-records.js";
import type { BundleRecord, GroupRecord, ImageRecord, StoredRecord } from "./records.js";
import { drawRunNumberStart, RunNumbers, type WithRunId } from "./run/run-numbers.js";
import { WanRates } from "./run/wan-rates.js";

type Output = AcOutput<ApCommand>;

const unguessableBytes = 16;

interface Session {
  readonly id: CapwapSessionId;
  readonly wtp: WtpIdentity;
  /** In Run: the domain knows it. */
  running: boolean;
  /** The bundle that was sent last. */
  bundleSent: BundleRecord | undefined;
}

interface RunningPeer {
  readonly mac: MacAddress;
  /** What its DTLS link adds to a datagram; 0 in clear. */
  readonly overheadBytes: number;
}

const failureOfCode: ReadonlyMap<number, FailureReason> = new Map([
  [resultCodes.imageInvalidChecksum, "checksum-mismatch"],
  [resultCodes.imageInvalidLength, "size-mismatch"],
  [resultCodes.imageOtherError, "transfer-error"],
]);

export class Controller implements ControllerMachine {
  readonly #config: ControllerConfig;
  readonly #capwap: AccessController<ApCommand>;
  readonly #sessions = new Map<CapwapSessionId, Session>();
  /** Of sessions in Run. */
  readonly #sessionOf = new Map<MacAddress, CapwapSessionId>();
  /** APs in Run, by endpoint. */
  readonly #runningPeers = new Map<string, RunningPeer>();
  readonly #linkRefusals = new LinkRefusals();
  readonly #wanRates: WanRates;
  readonly #unguessable: () => Uint8Array;
  #domain: ControllerDomain | undefined;
  #sends: (SendDatagram | CloseLink)[] = [];
  #runNumbers = new RunNumbers(0);

  constructor(config: ControllerConfig) {
    this.#config = config;
    this.#unguessable = config.unguessable ?? drawnFrom(config.seed);
    this.#capwap = new AccessController(
      { ...config.capwap, name: config.name, sessionsMax: limits.knownAps },
      {
        admits: (wtp) => this.#judgeJoin(wtp),
        admit: ({ mac }) => this.#domain?.admit(mac),
        sessionToken: this.#unguessable,
        wtpFallback: () => "enabled",
      },
    );
    this.#wanRates = new WanRates(config.wan.bytesPerSecondMax, (name, bytesPerSecond) => this.#capwap.setRate(name, bytesPerSecond));
  }

  nextWakeAt(): Instant | undefined {
    return earliest(this.#capwap.nextWakeAt(), this.#domain?.nextWakeAt());
  }

  step(now: Instant, input: ControllerInput, out: ControllerEffect[]): void {
    if (input.type === "boot") {
      this.#boot(now, input.records, out);
      return;
    }
    const domain = this.#domain;
    // An unreadable row halts the boot; nothing is done until the host stops.
    if (!domain) return;
    switch (input.type) {
      case "data-datagram":
        this.#capwapDoes(now, domain, (capwap, outputs) => capwap.dataDatagram(now, input.from, input.bytes, outputs));
        break;
      case "datagram":
        this.#countReceived(now, domain, input);
        this.#capwapDoes(now, domain, (capwap, outputs) => capwap.datagram(now, input, outputs));
        break;
      case "link-up":
        this.#capwap.linkUp(now, input.peer, input.identity);
        break;
      case "link-down":
        this.#capwapDoes(now, domain, (capwap, outputs) => capwap.linkDown(now, input.peer, outputs));
        break;
      case "link-refused":
        if (this.#linkRefusals.admits(now, input.from.address)) domain.outbox.event(input);
        break;
      case "operator":
        domain.order(now, input.requestId, input.order);
        break;
      case "system":
        domain.systemChanged(input.facts);
        break;
      case "image-checked":
        domain.imageChecked(now, input.sha256, input.fault, input.chunks);
        break;
      case "proof-expected":
        domain.proofExpected(now, input, input.proof);
        break;
      case "peer-answered":
        domain.peerAnswered(now, input.answer);
        break;
      case "wake":
        this.#capwapDoes(now, domain, (capwap, outputs) => capwap.wake(now, outputs));
        domain.wake(now);
        break;
      case "stop":
        // Sessions are left as they are: the APs find out and join again, here or elsewhere.
        domain.stop();
        break;
      default:
        unreachable(input);
    }
    this.#carryOut(now, domain);
    this.#drain(domain, out);
  }

  #boot(now: Instant, records: readonly StoredRecord[], out: ControllerEffect[]): void {
    invariant(this.#domain === undefined, "a controller boots once");
    const state = readRecords(records);
    if ("unreadable" in state) {
      out.push({ type: "halt", failure: refuse.unreadableRow(state.unreadable.key, state.unreadable.detail).failure });
      return;
    }
    const onGroup = (group: GroupRecord): void => this.#wanRates.groupChanged(group);
    this.#domain = new ControllerDomain(now, { ...this.#config, unguessable: this.#unguessable }, state, onGroup);
    this.#numberRuns(state, this.#domain);
    this.#drain(this.#domain, out);
  }

  #numberRuns({ runNumberStart }: StoredState, { outbox }: ControllerDomain): void {
    const start = runNumberStart ?? drawRunNumberStart(this.#config.seed);
    if (runNumberStart === undefined) outbox.put("run-number-start", "", start);
    this.#runNumbers = new RunNumbers(start);
  }

  #countReceived(now: Instant, domain: ControllerDomain, { from, bytes }: Datagram): void {
    const peer = this.#runningPeers.get(endpointText(from));
    if (peer === undefined) return;
    domain.apHeard(now, peer.mac);
    if (isImageData(bytes)) domain.wanCarried(now, peer.mac, bytes.length + peer.overheadBytes, 0);
  }

  /** Lets the CAPWAP side work and takes what it gives; an event may make it work again. */
  #capwapDoes(now: Instant, domain: ControllerDomain, work: (capwap: AccessController<ApCommand>, outputs: Output[]) => void): void {
    relay(this.#capwap, work, (output) => this.#take(now, domain, output));
  }

  /** The domain's commands become requests. An answer that is there at once may lead to further commands. */
  #carryOut(now: Instant, domain: ControllerDomain): void {
    for (let commands = domain.outbox.takeCommands(); commands.length > 0; commands = domain.outbox.takeCommands()) {
      for (const { mac, command } of commands) {
        const session = this.#sessionOf.get(mac);
        if (session === undefined) domain.apAnswered(now, mac, command, null);
        else this.#capwapDoes(now, domain, (_, outputs) => this.#request(now, session, mac, command, outputs));
      }
    }
  }

  #request(now: Instant, session: CapwapSessionId, mac: MacAddress, command: ApCommand, outputs: Output[]): void {
    if (command.type === "abort") {
      this.#capwap.abortTransfer(now, session, outputs);
      if (!this.#domain?.inventory.get(mac)?.session?.capable) return;
    }
    if (command.type === "upgrade" && command.order !== null)
      this.#sendBundle(now, session, sha256HexOf(command.order.sha256), mac, outputs);
    this.#capwap.request(now, session, requestOf(command, this.#runNumbers), command, outputs);
  }

  /** Sent once per session and image: the AP keeps the bundle of its latest order. */
  #sendBundle(now: Instant, id: CapwapSessionId, sha256: Sha256Hex, mac: MacAddress, outputs: Output[]): void {
    const domain = this.#domain as ControllerDomain;
    const session = this.#sessions.get(id);
    const bundle = domain.catalogue.bundleOf(sha256);
    if (bundle === undefined || session?.bundleSent === bundle || !domain.inventory.get(mac)?.session?.signedOnly) return;
    if (session !== undefined) session.bundleSent = bundle;
    for (const part of bundleParts(sha256, utf8(bundle.text))) {
      const command: ApCommand = { type: "bundle", part };
      this.#capwap.request(now, id, requestOf(command, this.#runNumbers), command, outputs);
    }
  }

  #drain({ outbox }: ControllerDomain, out: ControllerEffect[]): void {
    const records = outbox.takeRecords();
    if (records.length > 0) out.push({ type: "persist", records });
    for (const send of this.#sends) out.push(send);
    this.#sends = [];
    for (const sha256 of outbox.takeImageChecks()) out.push({ type: "check-image", sha256 });
    for (const question of outbox.takeProofQuestions()) out.push({ type: "expect-proof", ...question });
    for (const sha256 of outbox.takeGoneImages()) out.push({ type: "image-gone", sha256 });
    for (const reply of outbox.takeReplies()) out.push({ type: "reply", ...reply });
    for (const event of outbox.takeEvents()) out.push({ type: "event", event });
  }

  // ---- what the CAPWAP side says -------------------------------------------------------------------------------------

  #take(now: Instant, domain: ControllerDomain, output: Output): void {
    switch (output.type) {
      case "send":
        this.#sends.push(output);
        this.#countSend(now, domain, output);
        return;
      case "joined":
        this.#sessions.set(output.session, { id: output.session, wtp: output.wtp, running: false, bundleSent: undefined });
        return;
      case "dropped":
        domain.outbox.event({ type: "datagram-dropped", from: output.from, why: output.reason, detail: output.detail });
        return;
      case "close-link":
        // Behind what was sent before.
        this.#sends.push(output);
        return;
      case "open-link":
        invariant(false, "an AC waits for links");
        return;
      default:
        break;
    }
    const session = this.#sessions.get(output.session);
    if (!session) return;
    const { mac } = session.wtp;
    switch (output.type) {
      case "running":
        this.#running(now, domain, session, output.proven);
        return;
      case "left":
        this.#left(now, domain, session, output.reason);
        return;
      case "wtp-event":
        this.#reported(now, domain, mac, output.elements);
        return;
      case "answered":
        domain.apAnswered(now, mac, output.tag, { resultCode: output.resultCode, refusal: output.elements.refusal ?? null });
        return;
      case "unanswered":
        domain.apAnswered(now, mac, output.tag, null);
        return;
      case "image-wanted": {
        const answer = this.#imageFor(domain, session, output.identifier);
        if (answer.type === "transfer" && !session.running) domain.downloadsAtJoin.set(mac, answer.sha256);
        this.#capwapDoes(now, domain, (capwap, outputs) => capwap.answerImage(now, session.id, answer, outputs));
        return;
      }
      case "transfer-progress":
        if (session.running) domain.transferMoved(now, mac, output.bytesDone);
        return;
      case "transfer-ended":
        domain.downloadsAtJoin.delete(mac);
        if (session.running) this.#transferEnded(now, domain, mac, output.outcome, output.bytesDone);
        return;
      default:
        unreachable(output);
    }
  }

  #countSend(now: Instant, domain: ControllerDomain, { to, bytes, image }: SendDatagram): void {
    if (image === undefined && !isImageData(bytes)) return;
    const peer = this.#runningPeers.get(endpointText(to));
    const imageOctets = image?.length ?? 0;
    if (peer !== undefined) domain.wanCarried(now, peer.mac, bytes.length + imageOctets + peer.overheadBytes, imageOctets);
  }

  #running(now: Instant, domain: ControllerDomain, session: Session, proven: boolean): void {
    const { mac, name, model, serial, activeVersion, peer, localAddress, join, link } = session.wtp;
    session.running = true;
    this.#sessionOf.set(mac, session.id);
    this.#runningPeers.set(endpointText(peer), { mac, overheadBytes: link?.overheadBytes ?? 0 });
    domain.apJoined(now, {
      mac,
      name,
      model,
      serial,
      runningVersion: activeVersion,
      peer,
      localAddress,
      link: link === undefined ? "clear" : link.by === "psk" ? "dtls-psk" : "dtls-cert",
      inventory: join.apInventory ?? null,
      rolledBack: join.rolledBack ?? null,
      proven,
    });
  }

  #left(now: Instant, domain: ControllerDomain, { id, wtp, running }: Session, reason: string): void {
    this.#sessions.delete(id);
    if (!running || this.#sessionOf.get(wtp.mac) !== id) return;
    this.#sessionOf.delete(wtp.mac);
    const peer = endpointText(wtp.peer);
    if (this.#runningPeers.get(peer)?.mac === wtp.mac) this.#runningPeers.delete(peer);
    domain.apLeft(now, wtp.mac, reason);
  }

  #reported(now: Instant, domain: ControllerDomain, mac: MacAddress, elements: ElementsOf<"wtpEventRequest">): void {
    const { apInventory, upgradeReport, chunkFault, servingReport, holdingProof } = elements;
    if (apInventory) domain.apInventory(now, mac, apInventory);
    const ours = <Report extends { readonly runId: WireRunId }>(report: Report): WithRunId<Report> => ({
      ...report,
      runId: this.#runNumbers.ofWire(report.runId),
    });
    if (upgradeReport) domain.apReported(now, mac, ours(upgradeReport));
    if (chunkFault) domain.apBlames(now, mac, ours(chunkFault));
    if (servingReport) domain.apServes(now, mac, ours(servingReport));
    if (holdingProof) domain.apProved(now, mac, holdingProof);
  }

  #transferEnded(now: Instant, domain: ControllerDomain, mac: MacAddress, outcome: TransferOutcome, bytesDone: number): void {
    domain.transferMoved(now, mac, bytesDone);
    switch (outcome.type) {
      case "complete":
        domain.transferEnded(now, mac, null);
        return;
      case "refused": {
        const reason = failureOfCode.get(outcome.resultCode) ?? "transfer-error";
        domain.transferEnded(now, mac, { reason, detail: `the AP answered a block with result code ${outcome.resultCode}` });
        return;
      }
      case "aborted":
      case "silent":
      case "restarted":
      case "session-ended":
        return;
      default:
        unreachable(outcome);
    }
  }

  // ---- decisions while a message is being answered -------------------------------------------------------------------

  #judgeJoin(wtp: WtpIdentity): JoinVerdict {
    const domain = this.#domain as ControllerDomain;
    if (domain.hasRival(wtp)) return { resultCode: resultCodes.joinUnspecified };
    if (!domain.admits(wtp.mac)) return { resultCode: resultCodes.joinResourceDepletion };
    const wanted = this.#wantedAtJoin(domain, wtp);
    const isMember = domain.groups.of(wtp.mac) !== undefined;
    return { resultCode: resultCodes.success, isMember, ...(wanted && { imageIdentifier: identifier(wanted.version) }) };
  }

  /** What the AP must run before it may serve, where that is another version than it runs. */
  #wantedAtJoin({ catalogue }: ControllerDomain, { model, activeVersion }: WtpIdentity): ImageRecord | undefined {
    const wanted = this.#config.downloadAtJoin ? catalogue.imageForModel("primary", model) : undefined;
    return wanted?.version === activeVersion ? undefined : wanted;
  }

  /** An AP gets an image that it was ordered to fetch, or before Run the one that the Join Response named; nothing else crosses the WAN. */
  #imageFor(
    domain: ControllerDomain,
    { wtp, running }: Session,
    { vendor, name }: ElementsOf<"resetRequest">["imageIdentifier"],
  ): ImageAnswer {
    const refused: ImageAnswer = { type: "refuse", resultCode: resultCodes.imageOtherError };
    if (vendor !== flexupEnterprise) return refused;
    const image = running ? domain.orderedImage(wtp.mac) : this.#wantedAtJoin(domain, wtp);
    if (!image || image.version !== name) return refused;
    return transferOf(image, this.#wanRates.namesFor(domain.groups.of(wtp.mac)));
  }
}

function drawnFrom(seed: number): () => Uint8Array {
  const prng = new Prng(seed).split("session tokens");
  return () => prng.bytes(unguessableBytes);
}

function bundleParts(sha256: Sha256Hex, bytes: Uint8Array): BundlePart[] {
  const parts: BundlePart[] = [];
  for (let offset = 0; offset < bytes.length; offset += bundlePartBytesMax)
    parts.push({
      sha256: sha256Octets(sha256),
      totalBytes: bytes.length,
      offset,
      bytes: bytes.subarray(offset, offset + bundlePartBytesMax),
    });
  return parts;
}

const identifier = (version: string) => ({ vendor: flexupEnterprise, name: version });

const transferOf = ({ sha256, md5, sizeBytes }: ImageRecord, rates: readonly string[]): ImageAnswer => ({
  type: "transfer",
  sha256,
  sizeBytes,
  md5: bytesOfHex(md5),
  rates,
});

const nowhere: Endpoint = { address: "", port: 0 };

function requestOf(command: ApCommand, numbers: RunNumbers): AcRequest {
  switch (command.type) {
    case "upgrade": {
      const { order, image, serveBytesPerSecondMax, stream } = command;
      const elements = {
        ...(image && { imageIdentifier: identifier(image.version) }),
        ...(order && {
          upgradeOrder: { ...order, runId: numbers.onWire(command.runId) },
          servingLimits: { bytesPerSecondMax: serveBytesPerSecondMax ?? 0 },
          ...(stream && { streamOrder: { ...stream, spare: stream.spare ?? nowhere, sha256s: stream.sha256s.map(sha256Octets) } }),
        }),
      };
      return { type: "configurationUpdateRequest", elements };
    }
    case "bundle":
      return { type: "configurationUpdateRequest", elements: { bundlePart: command.part } };
    case "abort":
      return { type: "configurationUpdateRequest", elements: { upgradeAbort: { runId: numbers.onWire(command.runId) } } };
    case "swap":
      return {
        type: "configurationUpdateRequest",
        elements: { swapOrder: { orderId: command.orderId, sha256: bytesOfHex(command.sha256) } },
      };
    case "reset":
      return { type: "resetRequest", elements: { imageIdentifier: identifier(command.version) } };
    case "keep-slots":
      return { type: "configurationUpdateRequest", elements: { keptSlots: { addresses: [...command.addresses] } } };
    case "challenge":
      return {
        type: "configurationUpdateRequest",
        elements: { holdingChallenge: { sha256: bytesOfHex(command.sha256), nonce: command.nonce } },
      };
    default:
      return unreachable(command);
  }
}
