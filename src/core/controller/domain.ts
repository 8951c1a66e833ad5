/**
 * Everything that the controller decides, without CAPWAP: operators' orders and APs' words in, an outbox out.
 * `controller.ts` joins it to the sessions.
 */

import { type Failure, type Result, success } from "../../base/failure.js";
import { unreachable } from "../../base/invariant.js";
import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import { earliest, type Instant } from "../../base/time.js";
import type { ApInventory, FailureReason } from "../../wire/capwap/vendor.js";
import { limits, type ReleaseName } from "../upgrade/limits.js";
import type { Answer, ApCommand, ApReport, ApServing, JoinedAp } from "./ap-port.js";
import type { ControllerConfig } from "./contract.js";
import { Groups } from "./groups.js";
import { ImageCatalogue } from "./image-catalogue.js";
import { Inventory, type KnownAp } from "./inventory.js";
import type { OrderValue, PredownloadResult } from "./operator/order-results.js";
import type { Order } from "./operator/orders.js";
import { refuse } from "./operator/refusals.js";
import { releaseDifferences, releasesOf } from "./operator/release-config.js";
import type { NewImage } from "./operator/settings.js";
import { imageView, StatusTable } from "./operator/status-table.js";
import type { GroupPreview, ImageView } from "./operator/views.js";
import { Outbox } from "./outbox.js";
import { type PeerAnswer, PeerParity } from "./peer-parity.js";
import type { StoredState } from "./read-records.js";
import type { GroupRecord, ImageRecord } from "./records.js";
import { GroupUpgrade } from "./run/group-upgrade.js";
import { roleOf } from "./run/member-state.js";
import { previewRun } from "./run/preview.js";
import { isTakingPart, primaryOf } from "./run/run.js";
import { RunTable } from "./run/run-table.js";
import { WanCounts } from "./run/wan-counts.js";
import { SwapAndReset } from "./swap-and-reset.js";

/** Answered later, through the outbox. */
const later = Symbol("later");
type Outcome = Result<OrderValue> | typeof later;

const done = success(null);

export class ControllerDomain {
  readonly outbox = new Outbox();
  readonly inventory: Inventory;
  readonly catalogue: ImageCatalogue;
  readonly groups: Groups;
  readonly runs: RunTable;
  /** APs that get an image before they serve (RFC 5415 §9.1.1): "Downloading" in the counts. */
  readonly downloadsAtJoin = new Set<MacAddress>();
  readonly #peer: PeerParity;
  readonly #upgrade: GroupUpgrade;
  readonly #acts: SwapAndReset;
  readonly #status: StatusTable;
  readonly #wanCounts: WanCounts;
  readonly #sessionsMax: number;

  constructor(now: Instant, config: ControllerConfig, stored: StoredState) {
    const { outbox } = this;
    const { timings, sessionsMax } = config;
    this.#sessionsMax = sessionsMax;
    this.inventory = new Inventory(stored.aps, outbox);
    this.catalogue = new ImageCatalogue(stored.images, outbox);
    this.#peer = new PeerParity(config.peer, this.catalogue, outbox);
    this.groups = new Groups(stored.groups, config, outbox);
    this.runs = new RunTable(stored.runs, outbox, (name) => this.groups.find(name).ok);
    this.#wanCounts = new WanCounts(this.runs);
    const { inventory, catalogue, groups, runs } = this;
    const wanTransfersMax = config.wan.transfersMax;
    this.#upgrade = new GroupUpgrade(now, { inventory, groups, catalogue, runs, outbox, timings, sessionsMax, wanTransfersMax });
    this.#acts = new SwapAndReset(now, stored.resets, { inventory, outbox, timings, objection: (ap) => this.#objection(ap) });
    this.#status = new StatusTable({
      inventory,
      groups,
      catalogue,
      runs,
      acts: this.#acts,
      downloadsAtJoin: this.downloadsAtJoin,
      sessionsMax,
    });
  }

  nextWakeAt(): Instant | undefined {
    return earliest(this.#upgrade.nextWakeAt(), this.#acts.nextWakeAt(), this.#wanCounts.nextWakeAt());
  }

  wake(now: Instant): void {
    this.#upgrade.wake(now);
    this.#acts.wake(now);
    this.#wanCounts.wake(now);
  }

  /** The process ends: what is only counted now and then is stored. */
  stop(): void {
    this.#wanCounts.store();
  }

  // ---- APs -----------------------------------------------------------------------------------------------------------

  apJoined(now: Instant, ap: JoinedAp): void {
    this.inventory.joined(now, ap);
    this.#acts.joined(ap.mac, ap.runningVersion);
    this.#upgrade.joined(now, ap.mac);
  }

  /** Whether there is a place for this AP: it is known, not all places are taken, or an absent AP could be forgotten. */
  admits(mac: MacAddress): boolean {
    return !this.#needsRoom(mac) || this.inventory.longestAbsent((other) => this.#mayBeForgotten(other)) !== undefined;
  }

  /** Makes room for an AP that `admits` let in: the longest absent one that nothing depends on is forgotten. */
  admit(mac: MacAddress): void {
    if (!this.#needsRoom(mac)) return;
    const forgotten = this.inventory.longestAbsent((other) => this.#mayBeForgotten(other));
    if (forgotten === undefined) return;
    this.inventory.forget(forgotten);
    this.#acts.forget(forgotten);
  }

  #needsRoom(mac: MacAddress): boolean {
    return this.inventory.get(mac) === undefined && this.inventory.size >= limits.knownAps;
  }

  #mayBeForgotten(mac: MacAddress): boolean {
    return !this.groups.of(mac) && !this.runs.runningOfAp(mac) && this.#acts.resetOf(mac)?.state !== "waiting";
  }

  apLeft(now: Instant, mac: MacAddress, why: string): void {
    this.inventory.left(mac, why);
    this.#upgrade.left(now, mac);
  }

  apHeard(now: Instant, mac: MacAddress): void {
    this.inventory.heard(now, mac);
  }

  apInventory(mac: MacAddress, inventory: ApInventory): void {
    this.inventory.changed(mac, inventory);
  }

  apReported(now: Instant, mac: MacAddress, report: ApReport): void {
    // Of a run of another controller, from which the AP failed over: it goes on by itself, and keeps its part of the image for an order.
    if (this.runs.hasBegun(report.runId)) this.#upgrade.reported(now, mac, report);
  }

  apServes(mac: MacAddress, report: ApServing): void {
    this.#upgrade.served(mac, report);
  }

  /** `answer` null: the session ended before one came. */
  apAnswered(now: Instant, mac: MacAddress, command: ApCommand, answer: Answer | null): void {
    if (command.type === "swap" || command.type === "reset") this.#acts.answered(mac, command, answer);
    else if (command.type === "upgrade" && answer !== null) this.#upgrade.answered(now, mac, command, answer);
  }

  transferMoved(now: Instant, mac: MacAddress, bytesDone: number): void {
    this.#upgrade.transferMoved(now, mac, bytesDone);
  }

  transferEnded(now: Instant, mac: MacAddress, failure: { reason: FailureReason; detail: string } | null): void {
    this.#upgrade.transferEnded(now, mac, failure);
  }

  /** A datagram of an image transfer went to the AP or came from it. @param imageOctets of it, image bytes that were sent */
  wanCarried(now: Instant, mac: MacAddress, octets: number, imageOctets: number): void {
    this.#wanCounts.carried(now, mac, octets, imageOctets);
  }

  /** The image that the AP was ordered to fetch over the WAN. */
  orderedImage(mac: MacAddress): ImageRecord | undefined {
    const member = this.runs.runningOfAp(mac);
    if (!member || roleOf(member.state) === "subordinate") return undefined;
    if (!isTakingPart(member) && member.state.phase !== "complete") return undefined;
    const { image } = member.family;
    const record = image ? this.catalogue.bySha256(image.sha256) : undefined;
    return image && record ? { ...record, version: image.version } : undefined;
  }

  peerAnswered(now: Instant, answer: PeerAnswer): void {
    this.#peer.answered(now, answer);
  }

  // ---- operators -----------------------------------------------------------------------------------------------------

  order(now: Instant, requestId: number, order: Order): void {
    const outcome = this.#carryOut(now, requestId, order);
    if (outcome === later) return;
    if (!outcome.ok) this.outbox.event({ type: "order-refused", order: order.type, failure: outcome.failure });
    else if (!onlyLooks(order)) this.outbox.event({ type: "order-done", order: order.type, target: targetOf(order) });
    if (!order.type.startsWith("show-")) this.#peer.tellIfNew();
    this.outbox.reply(requestId, outcome);
  }

  #carryOut(now: Instant, requestId: number, order: Order): Outcome {
    const { groups } = this;
    switch (order.type) {
      case "group-add":
        return groups.add(order.group);
      case "group-delete":
        return this.#withIdleGroup(order.group, (group) => {
          groups.delete(group);
          return done;
        });
      case "group-ap-add":
        return this.#withGroup(order.group, (group) => this.#enlist(now, groups.addAp(group, order.mac)));
      case "group-ap-delete":
        return this.#withGroup(order.group, (group) => this.#discharge(now, groups.deleteAp(group, order.mac)));
      case "group-predownload":
        return order.enabled
          ? this.#withGroup(order.group, (group) => groups.enable(group, true))
          : this.#withIdleGroup(order.group, (group) => groups.enable(group, false));
      case "group-primary-add":
        return this.#withGroupAp(order, (group, ap) => groups.addPrimary(group, ap.record.mac, this.#familyOf(group, ap)));
      case "group-primary-remove":
        return this.#withGroupAp(order, (group, ap) => groups.removePrimary(group, ap.record.mac));
      case "group-subordinate-add":
        return this.#withGroupAp(order, (group, ap) => groups.addSubordinate(group, ap.record.mac));
      case "group-subordinate-remove":
        return this.#withGroupAp(order, (group, ap) => groups.removeSubordinate(group, ap.record.mac));
      case "group-retry-count":
        return this.#withGroup(order.group, (group) => groups.setRetryCount(group, order.retryCount));
      case "group-backoff":
        return this.#withGroup(order.group, (group) => groups.setBackoff(group, order.minSeconds, order.maxSeconds));
      case "group-wave2-refetch":
        return this.#withGroup(order.group, (group) => groups.setWave2Refetch(group, order.enabled));
      case "group-wan":
        return this.#withGroup(order.group, (group) => groups.setWan(group, order.wan));
      case "group-preview":
        return this.#withGroup(order.group, (group) => success(this.#preview(group, order)));
      case "group-start":
        return this.#withGroup(order.group, (group) =>
          this.#unlessPeerDiffers(order, () => this.#upgrade.startGroup(now, group, order.release)),
        );
      case "group-abort":
        return this.#withGroup(order.group, (group) => this.#abortGroup(now, group));
      case "ap-predownload":
        return this.#unlessPeerDiffers(order, () =>
          order.ap === "all" ? this.#predownloadAll(now, order.release) : this.#predownloadOne(now, order.ap, order.release),
        );
      case "ap-predownload-abort":
        return order.ap === "all" ? this.#abortAll(now) : this.#abortOne(now, order.ap);
      case "ap-swap":
        return this.#act(order.ap, (aps, single) => this.#acts.swap(now, requestId, aps, single));
      case "ap-reset":
        return this.#act(order.ap, (aps, single) => this.#acts.reset(now, requestId, aps, single));
      case "image-add":
        return this.#addImage(now, order.image);
      case "image-remove":
        return this.#removeImage(order.imageId);
      case "show-ap-image":
        return this.#withAps(order.ap, (aps) => success(this.#status.apImages(now, aps)));
      case "show-ap-summary":
        return success(this.#status.apSummary());
      case "show-group-summary":
        return success(this.#status.groupSummary());
      case "show-group":
        return this.#withGroup(order.group, (group) => success(this.#status.group(now, group)));
      case "config-replace":
        return this.#replaceConfig(now, order);
      case "show-config":
        return success({ releases: releasesOf(this.catalogue.all()), groups: groups.all() });
      case "show-boot":
        return success(this.#status.boot());
      case "show-images":
        return success(this.#status.images());
      case "show-peer":
        return success({ peer: this.#peer.view() });
      case "show-runs":
        return success(this.#status.runReports(order));
      case "show-run-summary":
        return success(this.#status.runSummary());
      case "show-run": {
        const run = this.runs.get(order.run);
        return run ? success(this.#status.runReport(run)) : refuse.unknownRun(String(order.run));
      }
      default:
        return unreachable(order);
    }
  }

  #withGroup(name: string, then: (group: GroupRecord) => Outcome): Outcome {
    const group = this.groups.find(name);
    return group.ok ? then(group.value) : group;
  }

  #withIdleGroup(name: string, then: (group: GroupRecord) => Outcome): Outcome {
    return this.#withGroup(name, (group) => (this.runs.runningOfGroup(name) ? refuse.groupBusy(name) : then(group)));
  }

  #withGroupAp({ group: name, ap: selector }: { group: string; ap: string }, then: (group: GroupRecord, ap: KnownAp) => Outcome): Outcome {
    return this.#withGroup(name, (group) => {
      const ap = this.inventory.find(selector);
      if (!ap.ok) return ap;
      return group.aps.includes(ap.value.record.mac) ? then(group, ap.value) : refuse.apNotInGroup(ap.value.record.name, name);
    });
  }

  #withAps(selector: string, then: (aps: readonly KnownAp[]) => Outcome): Outcome {
    if (selector === "all") return then(this.inventory.all());
    const ap = this.inventory.find(selector);
    return ap.ok ? then([ap.value]) : ap;
  }

  #familyOf(group: GroupRecord, { family }: KnownAp): ReadonlySet<MacAddress> {
    return new Set(group.aps.filter((mac) => this.inventory.get(mac)?.family === family));
  }

  #enlist(now: Instant, added: Result<MacAddress>): Outcome {
    if (!added.ok) return added;
    this.#upgrade.enlist(now, added.value);
    return done;
  }

  #discharge(now: Instant, removed: Result<MacAddress>): Outcome {
    if (!removed.ok) return removed;
    const live = this.runs.runningOfAp(removed.value);
    if (live && live.run.group !== null) this.#upgrade.abortAp(now, removed.value);
    return done;
  }

  #preview(group: GroupRecord, { release, link }: Order & { type: "group-preview" }): GroupPreview {
    const objection = this.#peer.objection()?.failure;
    return previewRun({ plan: this.#upgrade.plan(group, release), group, sessionsMax: this.#sessionsMax, link, objection });
  }

  #unlessPeerDiffers({ force }: { readonly force?: boolean | undefined }, start: () => Outcome): Outcome {
    return (force ? undefined : this.#peer.objection()) ?? start();
  }

  #abortGroup(now: Instant, group: GroupRecord): Outcome {
    const run = this.runs.runningOfGroup(group.name);
    if (!run) return refuse.noRun(`in group "${group.name}"`);
    this.#upgrade.abort(now, run);
    return success({ runId: run.id });
  }

  #predownloadOne(now: Instant, selector: string, release: ReleaseName): Outcome {
    const found = this.inventory.find(selector);
    if (!found.ok) return found;
    const ap = found.value;
    if (!ap.session) return refuse.apNotJoined(ap.record.name);
    if (this.#isInRun(ap)) return refuse.apBusy(ap.record.name);
    const group = this.groups.of(ap.record.mac);
    const started = group?.predownload ? this.#upgrade.startOne(now, group, ap, release) : this.#upgrade.startOverWan(now, [ap], release);
    return started.ok ? success<PredownloadResult>({ runIds: [started.value.runId], apCount: 1 }) : started;
  }

  #predownloadAll(now: Instant, release: ReleaseName): Outcome {
    const free = this.inventory.all().filter((ap) => ap.session && !this.#isInRun(ap));
    if (free.length === 0) return refuse.noJoinedAps("that is free");
    const overWan = free.filter(({ record }) => !this.groups.of(record.mac)?.predownload);
    const sharing = new Set(free.flatMap(({ record }) => this.groups.of(record.mac) ?? []).filter((group) => group.predownload));
    const started = [
      ...(overWan.length > 0 ? [this.#upgrade.startOverWan(now, overWan, release)] : []),
      ...[...sharing].map((group) => this.#upgrade.startGroup(now, group, release)),
    ];
    const runIds = started.flatMap((result) => (result.ok ? [result.value.runId] : []));
    const refused = started.find((result) => !result.ok);
    if (runIds.length === 0 && refused) return refused;
    const apCount = runIds.reduce((sum, id) => sum + (this.runs.get(id)?.members.size ?? 0), 0);
    return success<PredownloadResult>({ runIds, apCount });
  }

  #abortAll(now: Instant): Outcome {
    const running = this.runs.running();
    if (running.length === 0) return refuse.noRun("on this controller");
    let apCount = 0;
    for (const run of running) {
      for (const member of run.members.values()) if (isTakingPart(member)) apCount++;
      this.#upgrade.abort(now, run);
    }
    return success({ apCount });
  }

  #abortOne(now: Instant, selector: string): Outcome {
    const found = this.inventory.find(selector);
    if (!found.ok) return found;
    if (!this.#isInRun(found.value)) return refuse.noRun(`on AP ${found.value.record.name}`);
    this.#upgrade.abortAp(now, found.value.record.mac);
    return success({ apCount: 1 });
  }

  #act(selector: string, start: (aps: readonly KnownAp[], single: boolean) => void): Outcome {
    if (selector === "all") {
      const joined = this.inventory.all().filter(({ session }) => session);
      if (joined.length === 0) return refuse.noJoinedAps("at all");
      start(joined, false);
      return later;
    }
    const found = this.inventory.find(selector);
    if (!found.ok) return found;
    if (!found.value.session) return refuse.apNotJoined(found.value.record.name);
    start([found.value], true);
    return later;
  }

  #addImage(now: Instant, image: NewImage): Outcome {
    const families = this.catalogue.check(image);
    if (!families.ok) return this.#refuseImage(image, families);
    const replaced = this.catalogue.replacedBy(image, families.value).find(({ sha256 }) => sha256 !== image.sha256 && this.#userOf(sha256));
    if (replaced) return this.#refuseImage(image, refuse.imageInUse(replaced.id, this.#userOf(replaced.sha256) ?? ""));
    return success<ImageView>(imageView(this.catalogue.add(now, image, families.value)));
  }

  #refuseImage(image: NewImage, refused: { readonly ok: false; readonly failure: Failure }): Outcome {
    this.catalogue.dropFile(image.sha256);
    return refused;
  }

  #removeImage(id: string): Outcome {
    const image = this.catalogue.get(id);
    if (!image) return refuse.unknownImage(id.slice(0, 64));
    const user = this.#userOf(image.sha256);
    if (user !== undefined) return refuse.imageInUse(id, user);
    this.catalogue.remove(image);
    return success<ImageView>(imageView(image));
  }

  /** All that can refuse comes before the first change. */
  #replaceConfig(now: Instant, { groups, releases, check }: Order & { type: "config-replace" }): Outcome {
    const held = this.catalogue.all();
    const plan = releases ? this.catalogue.plan(now, releases) : success({ images: held, changes: [] });
    if (!plan.ok) return plan;
    for (const image of held) {
      const user = this.#userOf(image.sha256);
      const kept = plan.value.images.filter(({ id }) => id === image.id);
      if (user !== undefined && releaseDifferences([image], kept).length > 0) return refuse.imageInUse(image.id, user);
    }
    const replaced = this.groups.replaceAll(groups, (name) => this.runs.runningOfGroup(name) !== undefined, check);
    if (!replaced.ok) return replaced;
    if (!check) this.catalogue.carryOut(plan.value);
    return success({ changes: [...plan.value.changes, ...replaced.value.changes] });
  }

  /** Who needs this image now. */
  #userOf(sha256: Sha256Hex): string | undefined {
    for (const { families, group } of this.runs.running()) {
      for (const { image } of families.values()) {
        if (image?.sha256 === sha256) return group === null ? "APs over the WAN" : `group "${group}"`;
      }
    }
    return undefined;
  }

  #isInRun({ record }: KnownAp): boolean {
    const member = this.runs.runningOfAp(record.mac);
    return member !== undefined && isTakingPart(member);
  }

  /** An AP that fetches, or that others fetch from, is left alone. */
  #objection(ap: KnownAp): Failure | undefined {
    const member = this.runs.runningOfAp(ap.record.mac);
    const serves = member !== undefined && primaryOf(member.family) === ap.record.mac;
    return this.#isInRun(ap) || serves ? refuse.apBusy(ap.record.name).failure : undefined;
  }
}

/** Changes nothing: what was asked is no news. */
const onlyLooks = (order: Order): boolean =>
  order.type.startsWith("show-") || order.type === "group-preview" || (order.type === "config-replace" && order.check);

function targetOf(order: Order): string {
  if ("group" in order && order.group !== null) return "ap" in order ? `${order.group}: ${order.ap}` : order.group;
  if ("ap" in order) return order.ap;
  if (order.type === "image-add") return `${order.image.version} ${order.image.release}`;
  return order.type === "image-remove" ? order.imageId : "";
}
