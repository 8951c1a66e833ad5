/**
 * The AP: a CAPWAP session, image slots, the run in hand and what is offered to others, as one machine. It routes inputs to
 * its children and their outputs to one another; an output is dealt with where it stands among the others, so that what a
 * child wants to be saved is saved before the response behind it is sent.
 */

import type { Endpoint } from "../../base/endpoint.js";
import { hexOf } from "../../base/hex.js";
import { invariant, unreachable } from "../../base/invariant.js";
import type { Machine } from "../../base/machine.js";
import { oneLine } from "../../base/one-line.js";
import type { Prng } from "../../base/prng.js";
import { sha256Octets } from "../../base/sha256.js";
import { earliest, type Instant } from "../../base/time.js";
import type { ImageIdentifier } from "../../wire/capwap/elements.js";
import type { ElementsOf } from "../../wire/capwap/messages.js";
import { resultCodes } from "../../wire/capwap/result-code.js";
import type { ApInventory, WireRunId } from "../../wire/capwap/vendor.js";
import type { StoredPart, WtpOutput, WtpSelf, WtpSessionPort } from "../capwap/contract.js";
import { emptyVersion } from "../upgrade/limits.js";
import { modelFacts } from "../upgrade/models.js";
import type { ApEffect, ApInput, BootState, SlotId, SlotImage } from "./contract.js";
import { type FetchCommand, type FetchOutput, ImageFetch, type OrderAnswer } from "./image-fetch.js";
import { ImageServe } from "./image-serve.js";
import { ImageSlots, otherSlot } from "./image-slots.js";
import { plainOrder, type Refusal, refuseIdentifier, refuseOrder, runOrder } from "./order.js";
import { detailOctetsMax, Reports } from "./reports.js";
import { decideReset } from "./reset.js";

/** What stays of an AP whatever it boots. */
export interface AgentFacts extends Omit<WtpSelf, "activeVersion" | "otherVersions" | "reboots" | "inventory"> {
  /** Where this AP serves TFTP; address "" for its local one. */
  readonly tftp: Endpoint;
  /** Codes of `extensions` that the session speaks. */
  readonly extensions: readonly number[];
}

/** Names a WTP Event Request of ours. */
type Tag = "report";

export interface AgentOptions {
  readonly facts: AgentFacts;
  readonly prng: Prng;
  /** The CAPWAP side, which asks for what the AP is at each Discovery and Join. */
  readonly session: (self: () => WtpSelf) => WtpSessionPort<Tag>;
}

interface Parts {
  readonly slots: ImageSlots;
  readonly fetch: ImageFetch;
  readonly serve: ImageServe;
  readonly reports: Reports;
  readonly session: WtpSessionPort<Tag>;
}

const noDigest = new Uint8Array(32);

const storedPart = ({ sha256, storedBytes }: Extract<FetchCommand, { type: "start-image" }>): StoredPart | undefined =>
  sha256 === null || storedBytes === 0 ? undefined : { offset: storedBytes, sha256: sha256Octets(sha256) };
/** RFC 5415 §4.6.47: a count that this AP does not keep. */
const notCounted = 0xffff;

export class Agent implements Machine<ApInput, ApEffect> {
  readonly #options: AgentOptions;
  readonly #family: string;
  /** Undefined before boot. */
  #parts: Parts | undefined;
  /** Nothing happens any more: this life ends in a restart or with the process. */
  #ended = false;
  #started = false;
  /** Names are being looked up. */
  #resolving = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#family = modelFacts(options.facts.model).family;
  }

  step(now: Instant, input: ApInput, out: ApEffect[]): void {
    if (this.#ended) return;
    if (input.type === "boot") this.#boot(now, input.state, out);
    else {
      invariant(this.#parts !== undefined, "boot comes first");
      this.#take(now, this.#parts, input, out);
    }
    if (!this.#ended) this.#sayWhatIsNew(now, out);
  }

  nextWakeAt(): Instant | undefined {
    if (this.#ended || this.#parts === undefined) return undefined;
    const { session, fetch, reports } = this.#parts;
    return earliest(session.nextWakeAt(), fetch.nextWakeAt(), reports.nextWakeAt());
  }

  #boot(now: Instant, { record, journal, corrupt, recordState, freeBytes }: BootState, out: ApEffect[]): void {
    invariant(this.#parts === undefined, "a machine boots once");
    const slots = new ImageSlots(record);
    const fetch = new ImageFetch(slots, this.#options.prng.split("back-off"), freeBytes, journal);
    const serve = new ImageServe(slots);
    const reports = new Reports({
      run: () => fetch.report(),
      nextRetryMs: (now) => fetch.nextRetryMs(now),
      owed: () => fetch.owed,
      serving: () => serve.report(),
      inventory: () => this.#inventory(),
    });
    const session = this.#options.session(() => this.#self());
    this.#parts = { slots, fetch, serve, reports, session };
    if (recordState !== "sound") out.push({ type: "event", event: { name: "boot-record-damaged", recordState } });
    out.push({ type: "event", event: { name: "booted", slot: slots.running, version: versionOf(slots.image(slots.running)), corrupt } });
    if (corrupt.length > 0) out.push({ type: "save-boot-record", record });
    if (fetch.isComplete) this.#offer(this.#parts, out);
    this.#fetch(now, out, (outputs) => fetch.resume(now, outputs));
    this.#resolve(out);
  }

  #resolve(out: ApEffect[]): void {
    if (this.#resolving) return;
    this.#resolving = true;
    out.push({ type: "resolve-controllers" });
  }

  #take(
    now: Instant,
    { session, fetch, serve, reports }: Parts,
    input: Exclude<ApInput, { readonly type: "boot" }>,
    out: ApEffect[],
  ): void {
    switch (input.type) {
      case "wake":
        this.#session(now, out, (outputs) => session.wake(now, outputs));
        this.#fetch(now, out, (outputs) => fetch.wake(now, outputs));
        return;
      case "datagram":
        this.#session(now, out, (outputs) => session.datagram(now, input, outputs));
        return;
      case "link-up":
        this.#session(now, out, (outputs) => session.linkUp(now, input.peer, outputs));
        return;
      case "link-down":
        this.#session(now, out, (outputs) => session.linkDown(now, input.peer, outputs));
        return;
      case "controllers-resolved":
        this.#session(now, out, (outputs) => {
          session.setControllers(
            now,
            input.endpoints.map((endpoint) => ({ endpoint })),
            outputs,
          );
          if (!this.#started) session.start(now, outputs);
          this.#started = true;
        });
        this.#resolving = false;
        return;
      case "stop":
        this.#session(now, out, (outputs) => session.stop(now, outputs));
        this.#ended = true;
        return;
      case "download-opened":
        this.#fetch(now, out, (outputs) => fetch.downloadOpened(input, outputs));
        return;
      case "chunk-written":
        this.#fetch(now, out, (outputs) => fetch.chunkWritten(input, outputs));
        return;
      case "download-verified":
        this.#fetch(now, out, (outputs) => fetch.downloadVerified(now, input, outputs));
        return;
      case "slot-committed":
        this.#fetch(now, out, (outputs) => fetch.slotCommitted(now, input, outputs));
        reports.tell(now, "inventory");
        return;
      case "storage-failed":
        this.#fetch(now, out, (outputs) => fetch.storageFailed(now, input, outputs));
        return;
      case "fetch-progress":
        this.#fetch(now, out, (outputs) => fetch.fetchProgress(input, outputs));
        return;
      case "fetch-ended":
        this.#fetch(now, out, (outputs) => fetch.fetchEnded(now, input, outputs));
        return;
      case "serving":
        serve.counts(input);
        reports.tellInAWhile(now, "serving");
        return;
      default:
        unreachable(input);
    }
  }

  // ---- outputs of the children ---------------------------------------------------------------------------------------

  #session(now: Instant, out: ApEffect[], call: (outputs: WtpOutput<Tag>[]) => void): void {
    const outputs: WtpOutput<Tag>[] = [];
    call(outputs);
    for (const output of outputs) this.#onSession(now, output, out);
  }

  #onSession(now: Instant, output: WtpOutput<Tag>, out: ApEffect[]): void {
    const { session, fetch, reports } = this.#parts as Parts;
    switch (output.type) {
      case "send":
      case "open-link":
      case "close-link":
        out.push(output);
        return;
      case "state":
        if (output.state === "run") this.#joined(now, out);
        // Names may point elsewhere by now; the search goes on with the old addresses meanwhile.
        else if (output.state === "discovery") this.#resolve(out);
        return;
      case "disconnected":
        reports.disconnected();
        out.push({ type: "event", event: { name: "session-lost", reason: output.reason, detail: output.detail } });
        return;
      case "answered": {
        // A controller that was started anew knows no session, and has not taken the report. Any other error would come again, too.
        if (output.resultCode === resultCodes.messageUnexpected) {
          reports.lost(now);
          return;
        }
        const report = reports.acknowledged();
        if (report !== undefined) this.#fetch(now, out, (outputs) => fetch.acknowledged(report, outputs));
        return;
      }
      case "unanswered":
        reports.lost(now);
        return;
      case "configuration-update": {
        const answer = this.#configure(now, output.elements, out);
        const refusal = "reason" in answer && { refusal: { reason: answer.reason, detail: oneLine(answer.detail, detailOctetsMax) } };
        const elements = { resultCode: answer.resultCode, ...refusal };
        this.#session(now, out, (outputs) => session.answerConfigurationUpdate(now, elements, outputs));
        return;
      }
      case "clear-configuration":
        // §8.7: back to factory settings. This AP has none that a controller could have changed.
        this.#session(now, out, (outputs) => session.answerClearConfiguration(now, resultCodes.success, outputs));
        return;
      case "reset-wanted":
        this.#reset(now, output.identifier.name, out);
        return;
      case "restart-wanted":
        this.#restart(output.identifier.name, out);
        return;
      case "boot-image-wanted":
        if (this.#plainOrder(now, output.identifier, out).resultCode !== resultCodes.success)
          this.#session(now, out, (outputs) => session.cancelImage(now, outputs));
        return;
      case "image-offered":
        this.#fetch(now, out, (outputs) => fetch.imageOffered(now, { ...output, md5: hexOf(output.md5) }, outputs));
        return;
      case "image-block":
        this.#fetch(now, out, (outputs) => {
          if (!fetch.imageBlock(output.offset, output.bytes, output.last, outputs)) outputs.push({ type: "cancel-image" });
        });
        return;
      case "image-failed":
        this.#fetch(now, out, (outputs) => fetch.imageFailed(now, output.reason, output.detail, outputs));
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

  #fetch(now: Instant, out: ApEffect[], call: (outputs: FetchOutput[]) => void): void {
    const outputs: FetchOutput[] = [];
    call(outputs);
    for (const output of outputs) this.#onFetch(now, output, out);
  }

  #onFetch(now: Instant, output: FetchOutput, out: ApEffect[]): void {
    const { session, reports } = this.#parts as Parts;
    switch (output.type) {
      case "start-image":
        this.#session(now, out, (outputs) =>
          session.startImage(now, { vendor: output.vendor, name: output.version }, storedPart(output), outputs),
        );
        return;
      case "answer-block":
        this.#session(now, out, (outputs) => session.blockStored(now, output.resultCode, outputs));
        return;
      case "cancel-image":
        this.#session(now, out, (outputs) => session.cancelImage(now, outputs));
        return;
      case "run-changed":
        if (output.what === "state") reports.tell(now, "run");
        else reports.tellInAWhile(now, "run");
        return;
      case "run-complete":
        this.#offer(this.#parts as Parts, out);
        return;
      default:
        out.push(output);
    }
  }

  // ---- what a controller wants ---------------------------------------------------------------------------------------

  #joined(now: Instant, out: ApEffect[]): void {
    const { session, reports } = this.#parts as Parts;
    reports.connected(now);
    invariant(session.controller !== undefined, "a session in Run has a controller");
    out.push({ type: "event", event: { name: "joined", controller: session.controller } });
  }

  #configure(now: Instant, elements: ElementsOf<"configurationUpdateRequest">, out: ApEffect[]): OrderAnswer {
    const { upgradeAbort, swapOrder, upgradeOrder, imageIdentifier } = elements;
    if (upgradeAbort !== undefined) return this.#abort(now, upgradeAbort.runId, out);
    if (swapOrder !== undefined) return this.#swap(now, swapOrder.orderId, out);
    if (upgradeOrder !== undefined) {
      const refusal = refuseOrder(upgradeOrder, this.#family);
      return refusal === undefined
        ? this.#order(now, runOrder(upgradeOrder, imageIdentifier), out)
        : refused(upgradeOrder.runId, refusal, out);
    }
    if (imageIdentifier !== undefined) return this.#plainOrder(now, imageIdentifier, out);
    return { resultCode: resultCodes.success };
  }

  /** RFC 5415 §9.1, at boot or in Run. */
  #plainOrder(now: Instant, identifier: ImageIdentifier, out: ApEffect[]): OrderAnswer {
    const refusal = refuseIdentifier(identifier);
    return refusal === undefined ? this.#order(now, plainOrder(identifier), out) : refused(0, refusal, out);
  }

  #order(now: Instant, order: ReturnType<typeof runOrder>, out: ApEffect[]): OrderAnswer {
    const { fetch, serve } = this.#parts as Parts;
    out.push({ type: "event", event: { name: "order", order } });
    let answer: OrderAnswer | undefined;
    this.#fetch(now, out, (outputs) => {
      answer = fetch.take(now, order, outputs);
    });
    invariant(answer !== undefined, "an order is answered");
    if ("reason" in answer) {
      const { reason, detail } = answer;
      out.push({ type: "event", event: { name: "order-refused", runId: order.runId, reason, detail } });
    } else if (!fetch.isComplete || order.role !== "primary") serve.withdraw(out);
    return answer;
  }

  #abort(now: Instant, runId: WireRunId, out: ApEffect[]): OrderAnswer {
    const { fetch, serve } = this.#parts as Parts;
    if (runId === 0 || fetch.order?.runId === runId) serve.withdraw(out);
    this.#fetch(now, out, (outputs) => fetch.abort(now, runId, outputs));
    return { resultCode: resultCodes.success };
  }

  #swap(now: Instant, orderId: number, out: ApEffect[]): OrderAnswer {
    const { slots, fetch, reports } = this.#parts as Parts;
    if (slots.record.swapOrderId === orderId) return { resultCode: resultCodes.success };
    const notApplied = resultCodes.configurationNotAppliedServiceAnyhow;
    if (fetch.isCommitting) return { resultCode: notApplied, reason: "busy", detail: "an image is being stored, try again" };
    const record = slots.recordSwapped(orderId);
    if (record === undefined) return { resultCode: notApplied, reason: "backup-empty", detail: "the backup slot holds no image" };
    slots.replace(record);
    out.push({ type: "save-boot-record", record });
    out.push({ type: "event", event: { name: "swapped", record } });
    reports.tell(now, "inventory");
    return { resultCode: resultCodes.success };
  }

  /** Answers first; the answer to a repeat is the business of the next life's session, which does not know it, and that is as well. */
  #reset(now: Instant, version: string, out: ApEffect[]): void {
    const { slots, session } = this.#parts as Parts;
    const { resultCode, record } = decideReset(slots, version);
    if (record !== undefined) out.push({ type: "save-boot-record", record });
    this.#session(now, out, (outputs) => session.answerReset(now, resultCode, outputs));
    if (record !== undefined) this.#leave(version, out);
  }

  /** §9.1: the version that the controller wants is in a slot. */
  #restart(version: string, out: ApEffect[]): void {
    const { record } = decideReset((this.#parts as Parts).slots, version);
    invariant(record !== undefined, "the session restarts into a version that is in flash");
    out.push({ type: "save-boot-record", record });
    this.#leave(version, out);
  }

  #leave(version: string, out: ApEffect[]): void {
    out.push({ type: "event", event: { name: "reset", version } });
    out.push({ type: "reboot" });
    this.#ended = true;
  }

  #offer({ fetch, serve }: Parts, out: ApEffect[]): void {
    if (fetch.order?.role === "primary") serve.offer(fetch.order, out);
  }

  // ---- what this AP says ---------------------------------------------------------------------------------------------

  #sayWhatIsNew(now: Instant, out: ApEffect[]): void {
    const { session, reports } = this.#parts as Parts;
    const elements = reports.next(now);
    if (elements === undefined) return;
    this.#session(now, out, (outputs) => session.request(now, { type: "wtpEventRequest", elements }, "report", outputs));
  }

  #self(): WtpSelf {
    const { slots } = this.#parts as Parts;
    const other = slots.image(otherSlot(slots.running));
    const { controllerResets } = slots.record;
    return {
      ...this.#options.facts,
      activeVersion: versionOf(slots.image(slots.running)),
      otherVersions: other === null ? [] : [other.version],
      reboots: {
        rebootCount: Math.min(controllerResets, notCounted - 1),
        acInitiatedCount: Math.min(controllerResets, notCounted - 1),
        linkFailureCount: notCounted,
        softwareFailureCount: notCounted,
        hardwareFailureCount: notCounted,
        otherFailureCount: notCounted,
        unknownFailureCount: notCounted,
        lastFailureType: controllerResets > 0 ? 1 : 0,
      },
      inventory: this.#inventory(),
    };
  }

  #inventory(): ApInventory {
    const { slots, fetch } = this.#parts as Parts;
    const { tftp, extensions } = this.#options.facts;
    const { primary } = slots.record;
    const described = (slot: SlotId) => {
      const image = slots.image(slot);
      return image === null ? { version: "", sha256: noDigest } : { version: image.version, sha256: sha256Octets(image.sha256) };
    };
    return {
      primary: described(primary),
      backup: described(slots.backup),
      running: slots.running === primary ? "primary" : "backup",
      freeBytes: fetch.freeBytes,
      tftp,
      extensions: [...extensions],
    };
  }
}

function refused(runId: WireRunId, refusal: Refusal, out: ApEffect[]): OrderAnswer {
  out.push({ type: "event", event: { name: "order-refused", runId, ...refusal } });
  return { resultCode: resultCodes.imageOtherError, ...refusal };
}

const versionOf = (image: SlotImage | null): string => image?.version ?? emptyVersion;
