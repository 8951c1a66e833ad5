/**
 * A booted AP: a CAPWAP session, image slots, the assignment in hand and what is offered to others. It routes inputs to its
 * children and their outputs to one another, each in its place among the others, so that what a child wants saved is saved before the
 * response that follows is sent.
 */
import { hexOf } from "../../base/hex.js";
import { invariant, unreachable } from "../../base/invariant.js";
import { oneLine } from "../../base/one-line.js";
import { relay } from "../../base/relay.js";
import { sha256Octets } from "../../base/sha256.js";
import { earliest, type Instant } from "../../base/time.js";
import type { ImageIdentifier } from "../../wire/capwap/elements.js";
import type { ElementsOf } from "../../wire/capwap/messages.js";
import { resultCodes } from "../../wire/capwap/result-code.js";
import type { BundlePart, UpgradeOrder, WireRunId } from "../../wire/capwap/vendor.js";
import type { StoredPart, WtpOutput, WtpSessionPort } from "../capwap/wtp/wtp-contract.js";
import type { BootChange, BootChangeOutput } from "./boot-change.js";
import type { BootRefusal, BootWish } from "./boot-choice.js";
import type { BootTrial } from "./boot-trial.js";
import type { ChunkServe } from "./chunk-serve.js";
import type { ApEffect, ApInput, BootRecord, BootState, RunOrder } from "./contract.js";
import type { FetchCommand, FetchEvent, FetchOutput, OrderAnswer } from "./fetch/contract.js";
import type { ImageFetch } from "./fetch/image-fetch.js";
import type { ImageServe } from "./image-serve.js";
import type { ImageSlots } from "./image-slots.js";
import { type OrderRefusal, plainOrder, refuseIdentifier, refuseOrder, runOrder } from "./order.js";
import type { ReleaseCheck } from "./release-check.js";
import { detailOctetsMax, type Reports } from "./reports.js";
import { versionOf } from "./self.js";
import type { SlotProof } from "./slot-proof.js";

/** Names a WTP Event Request of ours. */
export type RequestTag = "report";
type Session = WtpSessionPort<RequestTag>;
type SessionOutput = WtpOutput<RequestTag>;

export interface AgentParts {
  /** Of this AP's model: an order for another family is refused. */
  readonly family: string;
  /** Undefined for an AP that trusts no root: it takes any image. */
  readonly releaseCheck: ReleaseCheck | undefined;
  readonly slots: ImageSlots;
  readonly bootChange: BootChange;
  readonly trial: BootTrial;
  readonly fetch: ImageFetch;
  readonly serve: ImageServe;
  readonly chunks: ChunkServe;
  readonly proof: SlotProof;
  readonly reports: Reports;
  readonly session: Session;
}

export class BootedAgent {
  readonly #family: string;
  readonly #releaseCheck: ReleaseCheck | undefined;
  readonly #slots: ImageSlots;
  readonly #bootChange: BootChange;
  readonly #trial: BootTrial;
  readonly #fetch: ImageFetch;
  readonly #serve: ImageServe;
  readonly #chunks: ChunkServe;
  readonly #proof: SlotProof;
  readonly #reports: Reports;
  readonly #session: Session;
  #sessionIsStarted = false;
  #namesAreLookedUp = false;
  /** Waits for `flash-measured`. */
  #orderToMeasure: RunOrder | undefined;
  /** Waits for the boot record that is being saved, or for the end of the boot slot's trial. */
  #verifiedMeanwhile: Extract<ApInput, { readonly type: "download-verified" }> | undefined;
  /** The machine restarts or the process ends; later inputs are ignored. */
  #hasEnded = false;

  constructor({ family, releaseCheck, slots, bootChange, trial, fetch, serve, chunks, proof, reports, session }: AgentParts) {
    this.#family = family;
    this.#releaseCheck = releaseCheck;
    this.#slots = slots;
    this.#bootChange = bootChange;
    this.#trial = trial;
    this.#fetch = fetch;
    this.#serve = serve;
    this.#chunks = chunks;
    this.#proof = proof;
    this.#reports = reports;
    this.#session = session;
  }

  start(now: Instant, { corrupt, barred, recordState }: BootState, out: ApEffect[]): void {
    const { running } = this.#slots;
    if (recordState !== "sound") out.push({ type: "event", event: { name: "boot-record-damaged", recordState } });
    out.push({ type: "event", event: { name: "booted", slot: running, version: versionOf(this.#slots.image(running)), corrupt } });
    for (const slot of barred) out.push({ type: "event", event: { name: "slot-barred", ...slot } });
    if (corrupt.length + barred.length > 0) this.#wish(now, { type: "forget-corrupt" }, out);
    this.#wishIf(now, this.#trial.begin(now), out);
    if (this.#fetch.order) this.#chunks.expect(this.#fetch.order, out);
    this.#toFetch(now, { type: "restarted" }, out);
    this.#serve.limit(this.#fetch.order?.serveBytesPerSecondMax ?? null, out);
    if (this.#fetch.isComplete) this.#offer(out);
    this.#lookUpNames(out);
  }

  nextWakeAt(): Instant | undefined {
    if (this.#hasEnded) return undefined;
    return earliest(this.#session.nextWakeAt(), this.#fetch.nextWakeAt(), this.#reports.nextWakeAt(), this.#trial.nextWakeAt());
  }

  step(now: Instant, input: Exclude<ApInput, { readonly type: "boot" }>, out: ApEffect[]): void {
    if (this.#hasEnded) return;
    this.#take(now, input, out);
    if (!this.#hasEnded) this.#sendReports(now, out);
  }

  #take(now: Instant, input: Exclude<ApInput, { readonly type: "boot" }>, out: ApEffect[]): void {
    switch (input.type) {
      case "wake":
        this.#toSession(now, out, (session, outputs) => session.wake(now, outputs));
        this.#toFetch(now, input, out);
        this.#wishIf(now, this.#trial.wake(now), out);
        return;
      case "datagram":
        this.#toSession(now, out, (session, outputs) => session.datagram(now, input, outputs));
        return;
      case "link-up":
        this.#toSession(now, out, (session, outputs) => session.linkUp(now, input.peer, outputs));
        return;
      case "link-down":
        this.#toSession(now, out, (session, outputs) => session.linkDown(now, input.peer, outputs));
        return;
      case "controllers-resolved": {
        const controllers = input.endpoints.map(({ address, port, foundBy = "static" }) => ({ endpoint: { address, port }, foundBy }));
        this.#toSession(now, out, (session, outputs) => session.setControllers(now, controllers, outputs));
        if (!this.#sessionIsStarted) this.#toSession(now, out, (session, outputs) => session.start(now, outputs));
        this.#sessionIsStarted = true;
        this.#namesAreLookedUp = false;
        return;
      }
      case "stop":
        this.#toSession(now, out, (session, outputs) => session.stop(now, outputs));
        this.#hasEnded = true;
        return;
      case "slot-committed":
        this.#toFetch(now, input, out);
        this.#reports.due(now, "inventory");
        this.#toBootChange(now, out, (change, outputs) => change.proceed(outputs));
        return;
      case "storage-failed":
        this.#toFetch(now, input, out);
        this.#toBootChange(now, out, (change, outputs) => change.proceed(outputs));
        return;
      case "download-verified":
        if (this.#bootChange.isSaving || this.#trial.isOpen) this.#verifiedMeanwhile = input;
        else this.#toFetch(now, input, out);
        return;
      case "boot-record-saved":
        this.#toBootChange(now, out, (change, outputs) => change.saved(outputs));
        this.#commitMeanwhile(now, out);
        return;
      case "boot-record-unsaved":
        this.#toBootChange(now, out, (change, outputs) => change.unsaved(input, outputs));
        this.#commitMeanwhile(now, out);
        return;
      case "flash-measured":
        this.#measured(now, input.freeBytes, out);
        return;
      case "slot-proven":
        this.#proof.answer(input);
        this.#reports.due(now, "proof");
        return;
      case "release-checked":
        this.#checked(now, input, out);
        return;
      case "download-opened":
      case "chunk-checked":
      case "chunk-written":
      case "fetch-progress":
      case "fetch-ended":
        this.#toFetch(now, input, out);
        return;
      case "serving":
        this.#serve.counts(input);
        this.#reports.dueSoon(now, "serving");
        return;
      default:
        unreachable(input);
    }
  }

  // ---- the session ---------------------------------------------------------------------------------------------------

  #toSession(now: Instant, out: ApEffect[], call: (session: Session, outputs: SessionOutput[]) => void): void {
    relay(this.#session, call, (output) => this.#onSession(now, output, out));
  }

  #onSession(now: Instant, output: SessionOutput, out: ApEffect[]): void {
    switch (output.type) {
      case "send":
      case "open-link":
      case "close-link":
        out.push(output);
        return;
      case "state":
        if (output.state === "run") this.#joined(now, out);
        // Names may point elsewhere by now; meanwhile the search continues with the old addresses.
        else if (output.state === "discovery") this.#lookUpNames(out);
        return;
      case "disconnected":
        this.#reports.disconnected();
        out.push({ type: "event", event: { name: "session-lost", reason: output.reason, detail: output.detail } });
        return;
      case "answered":
        this.#answered(now, output.resultCode, out);
        return;
      case "unanswered":
        this.#reports.lost(now);
        return;
      case "configuration-update":
        this.#configure(now, output.elements, out);
        return;
      case "clear-configuration":
        // §8.7: back to factory settings. This AP has none that a controller could have changed.
        this.#toSession(now, out, (session, outputs) => session.answerClearConfiguration(now, resultCodes.success, outputs));
        return;
      case "reset-wanted":
        this.#wish(now, { type: "reset", version: output.identifier.name }, out);
        return;
      case "restart-wanted":
        this.#wish(now, { type: "restart", version: output.identifier.name }, out);
        return;
      case "boot-image-wanted":
        this.#wishIf(now, this.#trial.joined(), out);
        if (this.#orderPlain(now, output.identifier, out).resultCode !== resultCodes.success) this.#cancelImage(now, out);
        return;
      case "image-offered":
        this.#toFetch(now, { ...output, md5: hexOf(output.md5) }, out);
        return;
      case "image-block":
        if (!this.#toFetch(now, output, out)) this.#cancelImage(now, out);
        return;
      case "image-failed":
        this.#toFetch(now, output, out);
        return;
      case "image-complete":
        return;
      case "dropped":
        out.push({ type: "event", event: { name: "dropped", reason: output.reason, from: output.from, detail: output.detail } });
        return;
      default:
        unreachable(output);
    }
  }

  #joined(now: Instant, out: ApEffect[]): void {
    const { controller } = this.#session;
    invariant(controller !== undefined, "a session in Run has a controller");
    this.#reports.connected(now);
    this.#wishIf(now, this.#trial.joined(), out);
    out.push({ type: "event", event: { name: "joined", controller } });
  }

  /** A controller that has restarted does not know the session and has not taken the report; any other error would only recur. */
  #answered(now: Instant, resultCode: number, out: ApEffect[]): void {
    if (resultCode === resultCodes.messageUnexpected) {
      this.#reports.lost(now);
      return;
    }
    const report = this.#reports.acknowledged();
    if (report !== undefined) this.#askFetch(now, out, (fetch, outputs) => fetch.acknowledged(report, outputs));
  }

  #lookUpNames(out: ApEffect[]): void {
    if (this.#namesAreLookedUp) return;
    this.#namesAreLookedUp = true;
    out.push({ type: "resolve-controllers" });
  }

  #cancelImage(now: Instant, out: ApEffect[]): void {
    this.#toSession(now, out, (session, outputs) => session.cancelImage(now, outputs));
  }

  #sendReports(now: Instant, out: ApEffect[]): void {
    const elements = this.#reports.next(now);
    if (elements === undefined) return;
    this.#toSession(now, out, (session, outputs) => session.request(now, { type: "wtpEventRequest", elements }, "report", outputs));
  }

  // ---- the fetch -----------------------------------------------------------------------------------------------------

  /** @returns false for an event that means nothing to the fetch now */
  #toFetch(now: Instant, event: FetchEvent, out: ApEffect[]): boolean {
    let isTaken = false;
    this.#askFetch(now, out, (fetch, outputs) => {
      isTaken = fetch.step(now, event, outputs);
    });
    return isTaken;
  }

  #askFetch(now: Instant, out: ApEffect[], call: (fetch: ImageFetch, outputs: FetchOutput[]) => void): void {
    relay(this.#fetch, call, (output) => this.#onFetch(now, output, out));
  }

  #onFetch(now: Instant, output: FetchOutput, out: ApEffect[]): void {
    switch (output.type) {
      case "start-image": {
        const { vendor, version: name } = output;
        this.#toSession(now, out, (session, outputs) => session.startImage(now, { vendor, name }, storedPart(output), outputs));
        return;
      }
      case "block-stored":
        this.#toSession(now, out, (session, outputs) => session.blockStored(now, output.resultCode, outputs));
        return;
      case "cancel-image":
        this.#cancelImage(now, out);
        return;
      case "run-changed":
        if (output.what === "state") this.#reports.due(now, "run");
        else this.#reports.dueSoon(now, "run");
        return;
      case "run-complete":
        this.#offer(out);
        return;
      case "chunk-verified":
        this.#chunks.verified(output.chunk, out);
        return;
      case "chunks-lost":
        this.#chunks.withdraw(out);
        return;
      default:
        out.push(output);
    }
  }

  // ---- orders of the controller --------------------------------------------------------------------------------------

  #configure(now: Instant, elements: ElementsOf<"configurationUpdateRequest">, out: ApEffect[]): void {
    const { upgradeAbort, swapOrder, holdingChallenge, keptSlots, upgradeOrder, imageIdentifier, bundlePart } = elements;
    if (upgradeAbort !== undefined) this.#abort(now, upgradeAbort.runId, out);
    else if (swapOrder !== undefined) this.#wish(now, { type: "swap", order: swapOrder }, out);
    else if (holdingChallenge !== undefined) this.#answer(now, this.#proof.challenged(holdingChallenge, out), out);
    else if (keptSlots !== undefined) {
      this.#serve.keepSlots(keptSlots.addresses, out);
      this.#answer(now, { resultCode: resultCodes.success }, out);
    } else if (upgradeOrder !== undefined) this.#orderRun(now, upgradeOrder, elements, out);
    else if (bundlePart !== undefined) this.#takeBundle(now, bundlePart, out);
    else if (imageIdentifier !== undefined) this.#answer(now, this.#orderPlain(now, imageIdentifier, out), out);
    else this.#answer(now, { resultCode: resultCodes.success }, out);
  }

  /** Answers the Configuration Update Request that is under way, if there still is one. */
  #answer(now: Instant, { resultCode, ...refusal }: OrderAnswer, out: ApEffect[]): void {
    const elements = { resultCode, ...("reason" in refusal && { refusal: oneLineOf(refusal) }) };
    this.#toSession(now, out, (session, outputs) => session.answerConfigurationUpdate(now, elements, outputs));
  }

  #takeBundle(now: Instant, part: BundlePart, out: ApEffect[]): void {
    const refusal = this.#releaseCheck?.part(part);
    this.#answer(now, refusal === undefined ? { resultCode: resultCodes.success } : refuse(0, refusal, out), out);
  }

  #orderRun(now: Instant, upgradeOrder: UpgradeOrder, elements: ElementsOf<"configurationUpdateRequest">, out: ApEffect[]): void {
    const refusal = refuseOrder(upgradeOrder, this.#family);
    const order = runOrder(upgradeOrder, elements);
    if (refusal !== undefined) this.#answer(now, refuse(order.runId, refusal, out), out);
    else if (this.#releaseCheck === undefined) this.#makeRoom(now, order, out);
    else {
      const terms = { allowsDowngrade: elements.downgradePolicy?.isAllowed ?? false, inHand: this.#fetch.order?.sha256 ?? null };
      this.#releaseCheck.begin(order, terms, out);
    }
  }

  #checked(now: Instant, input: Extract<ApInput, { readonly type: "release-checked" }>, out: ApEffect[]): void {
    const order = this.#releaseCheck?.checked(input);
    if (order === undefined) return;
    if (input.refusal !== null) this.#answer(now, refuse(order.runId, input.refusal, out), out);
    else this.#makeRoom(now, order, out);
  }

  #makeRoom(now: Instant, order: RunOrder, out: ApEffect[]): void {
    if (this.#fetch.needsRoomFor(order)) {
      this.#orderToMeasure = order;
      out.push({ type: "measure-flash" });
    } else this.#answer(now, this.#order(now, order, out), out);
  }

  #measured(now: Instant, freeBytes: number, out: ApEffect[]): void {
    if (this.#fetch.measured(freeBytes)) this.#reports.due(now, "inventory");
    const order = this.#orderToMeasure;
    this.#orderToMeasure = undefined;
    if (order !== undefined) this.#answer(now, this.#order(now, order, out), out);
  }

  /** RFC 5415 §9.1, at boot or in Run. */
  #orderPlain(now: Instant, identifier: ImageIdentifier, out: ApEffect[]): OrderAnswer {
    const refusal = this.#releaseCheck === undefined ? refuseIdentifier(identifier) : unsigned;
    return refusal === undefined ? this.#order(now, plainOrder(identifier), out) : refuse(0, refusal, out);
  }

  #order(now: Instant, order: RunOrder, out: ApEffect[]): OrderAnswer {
    out.push({ type: "event", event: { name: "order", order } });
    this.#chunks.expect(order, out);
    let answer: OrderAnswer | undefined;
    this.#askFetch(now, out, (fetch, outputs) => {
      answer = fetch.take(now, order, outputs);
    });
    invariant(answer !== undefined, "an order is answered");
    const { sha256, version } = order;
    if ("reason" in answer) {
      const { reason, detail } = answer;
      out.push({ type: "event", event: { name: "order-refused", runId: order.runId, reason, detail } });
      this.#chunks.withdraw(out);
      return answer;
    }
    this.#serve.limit(order.serveBytesPerSecondMax ?? null, out);
    if (!this.#fetch.isComplete || order.role !== "primary") this.#serve.withdraw(out);
    if (sha256 !== null && this.#slots.recordRelabelled(sha256, version)) this.#wish(now, { type: "relabel", sha256, version }, out);
    return answer;
  }

  #abort(now: Instant, runId: WireRunId, out: ApEffect[]): void {
    this.#orderToMeasure = undefined;
    this.#releaseCheck?.forget();
    if (runId === 0 || this.#fetch.order?.runId === runId) {
      this.#serve.withdraw(out);
      this.#chunks.withdraw(out);
    }
    this.#toFetch(now, { type: "abort", runId }, out);
    this.#answer(now, { resultCode: resultCodes.success }, out);
  }

  // ---- changes of the boot record ------------------------------------------------------------------------------------

  #wish(now: Instant, wish: BootWish, out: ApEffect[]): void {
    this.#toBootChange(now, out, (change, outputs) => change.ask(wish, outputs));
  }

  #wishIf(now: Instant, wish: BootWish | undefined, out: ApEffect[]): void {
    if (wish !== undefined) this.#wish(now, wish, out);
  }

  #toBootChange(now: Instant, out: ApEffect[], call: (change: BootChange, outputs: BootChangeOutput[]) => void): void {
    relay(this.#bootChange, call, (output) => this.#onBootChange(now, output, out));
  }

  #onBootChange(now: Instant, output: BootChangeOutput, out: ApEffect[]): void {
    switch (output.type) {
      case "save-boot-record":
        out.push(output);
        return;
      case "wish-granted":
        if (output.record !== undefined) this.#reports.due(now, "inventory");
        this.#granted(now, output.wish, output.record, out);
        return;
      case "wish-refused": {
        const { wish, refusal } = output;
        const { reason, detail } = refusal;
        out.push({ type: "event", event: { name: "boot-change-refused", wish: wish.type, reason, detail } });
        this.#refused(now, wish, refusal, out);
        return;
      }
      default:
        unreachable(output);
    }
  }

  #granted(now: Instant, wish: BootWish, record: BootRecord | undefined, out: ApEffect[]): void {
    switch (wish.type) {
      case "swap":
        if (record !== undefined) out.push({ type: "event", event: { name: "swapped", record } });
        this.#answer(now, { resultCode: resultCodes.success }, out);
        return;
      case "reset":
        // Answered before the restart: afterwards a repeated request belongs to no session.
        this.#toSession(now, out, (session, outputs) => session.answerReset(now, resultCodes.success, outputs));
        this.#leave(wish.version, out);
        return;
      case "restart":
        this.#leave(wish.version, out);
        return;
      case "relabel":
        out.push({ type: "event", event: { name: "relabelled", version: wish.version } });
        return;
      case "confirm":
        if (record !== undefined)
          out.push({ type: "event", event: { name: "confirmed", version: versionOf(this.#slots.image(this.#slots.running)) } });
        return;
      case "roll-back":
        if (record?.rolledBack !== undefined) out.push({ type: "event", event: { name: "rolled-back", ...record.rolledBack } });
        if (record !== undefined && record.bootSlot !== this.#slots.running) this.#reboot(out);
        return;
      case "forget-corrupt":
      case "count-boot":
        return;
      default:
        unreachable(wish);
    }
  }

  #refused(now: Instant, wish: BootWish, refusal: BootRefusal, out: ApEffect[]): void {
    switch (wish.type) {
      case "swap":
        this.#answer(now, refusal, out);
        return;
      case "reset":
        this.#toSession(now, out, (session, outputs) => session.answerReset(now, refusal.resultCode, outputs));
        return;
      case "restart":
        // The session ended for the restart: look for a controller again.
        this.#toSession(now, out, (session, outputs) => session.stop(now, outputs));
        this.#toSession(now, out, (session, outputs) => session.start(now, outputs));
        return;
      case "relabel":
      case "forget-corrupt":
      case "count-boot":
      case "confirm":
      case "roll-back":
        return;
      default:
        unreachable(wish);
    }
  }

  #commitMeanwhile(now: Instant, out: ApEffect[]): void {
    const verified = this.#verifiedMeanwhile;
    if (verified === undefined || this.#bootChange.isSaving || this.#trial.isOpen || this.#hasEnded) return;
    this.#verifiedMeanwhile = undefined;
    this.#toFetch(now, verified, out);
  }

  #leave(version: string, out: ApEffect[]): void {
    out.push({ type: "event", event: { name: "reset", version } });
    this.#reboot(out);
  }

  #reboot(out: ApEffect[]): void {
    out.push({ type: "reboot" });
    this.#hasEnded = true;
  }

  #offer(out: ApEffect[]): void {
    const { order } = this.#fetch;
    if (order?.role === "primary") this.#serve.offer(order, out);
    if (order) this.#chunks.complete(order, out);
  }
}

const unsigned: OrderRefusal = {
  reason: "not-signed",
  detail: "this AP accepts only signed images, and an Image Identifier alone carries no bundle",
};

function refuse(runId: WireRunId, refusal: OrderRefusal, out: ApEffect[]): OrderAnswer {
  out.push({ type: "event", event: { name: "order-refused", runId, ...refusal } });
  return { resultCode: resultCodes.imageOtherError, ...refusal };
}

const oneLineOf = ({ reason, detail }: OrderRefusal): OrderRefusal => ({ reason, detail: oneLine(detail, detailOctetsMax) });

const storedPart = ({ sha256, storedBytes }: Extract<FetchCommand, { readonly type: "start-image" }>): StoredPart | undefined =>
  sha256 === null || storedBytes === 0 ? undefined : { offset: storedBytes, sha256: sha256Octets(sha256) };
