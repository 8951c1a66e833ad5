/**
 * Everything that the controller decides, without CAPWAP: operators' orders and APs' words in, an outbox out.
 * `controller.ts` joins it to the sessions.
 */
import type { Failure } from "../../base/failure.js";
import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import { earliest, type Instant } from "../../base/time.js";
import type { ApInventory, FailureReason, HoldingProof } from "../../wire/capwap/vendor.js";
import type { ImageChunks } from "../upgrade/image-chunks.js";
import { limits } from "../upgrade/limits.js";
import { isOver } from "./activation/activation.js";
import { ActivationTable } from "./activation/activation-table.js";
import { Activations } from "./activation/activations.js";
import type { Answer, ApChunkFault, ApCommand, ApReport, ApServing, JoinedAp, ProofQuestion } from "./ap-port.js";
import type { ControllerConfig } from "./contract.js";
import { Groups } from "./groups.js";
import { ImageCatalogue } from "./image-catalogue.js";
import { holdsImage, Inventory, type KnownAp } from "./inventory.js";
import { namedActivation } from "./operator/activation-view.js";
import { carryOut } from "./operator/carry-out.js";
import { ChangeLog } from "./operator/change-log.js";
import { type Desk, isInRun, later } from "./operator/desk.js";
import { namedGroup } from "./operator/group-config.js";
import { isQuery, type MachineOrder } from "./operator/orders.js";
import { refuse } from "./operator/refusals.js";
import { namedImage } from "./operator/release-config.js";
import { Outbox } from "./outbox.js";
import { type PeerAnswer, PeerParity } from "./peer-parity.js";
import type { StoredState } from "./read-records.js";
import type { GroupRecord, ImageRecord } from "./records.js";
import { GroupUpgrade } from "./run/group-upgrade.js";
import { roleOf } from "./run/member-state.js";
import { isTakingPart, primaryOf } from "./run/run.js";
import { RunTable } from "./run/run-table.js";
import { WanCounts } from "./run/wan-counts.js";
import { SwapAndReset } from "./swap-and-reset.js";
import { type SystemFacts, SystemState } from "./system-state.js";

export type DomainConfig = ControllerConfig & Required<Pick<ControllerConfig, "unguessable">>;

export class ControllerDomain {
  readonly outbox = new Outbox();
  readonly inventory: Inventory;
  readonly catalogue: ImageCatalogue;
  readonly groups: Groups;
  readonly runs: RunTable;
  /** APs that get an image before they serve (RFC 5415 §9.1.1). */
  readonly downloadsAtJoin = new Map<MacAddress, Sha256Hex>();
  /** APs that said since their last "complete" that they hold the image of their last run no more. */
  readonly lostImages = new Set<MacAddress>();
  /** Serial numbers of devices that were refused since another one is joined with their MAC address. */
  readonly #rivals = new Map<MacAddress, string>();
  readonly #changes = new ChangeLog();
  /** Groups that the order in hand changed. */
  #changedGroups: { readonly before: GroupRecord; readonly after: GroupRecord }[] = [];
  readonly #desk: Desk;
  readonly #wanCounts: WanCounts;

  /** @param onGroup called with each group that is new or changed */
  constructor(now: Instant, config: DomainConfig, stored: StoredState, onGroup: (group: GroupRecord) => void = () => {}) {
    const { outbox, downloadsAtJoin, lostImages } = this;
    const { timings, sessionsMax, wan } = config;
    const inventory = new Inventory(stored.aps, outbox, (mac) => groups.of(mac) !== undefined);
    const catalogue = new ImageCatalogue(stored.images, stored.bundles, outbox, (before, after) =>
      this.#changes.note("image", before && namedImage(before), after && namedImage(after)),
    );
    const groups = new Groups(stored.groups, config, outbox, (before, after) => {
      this.#changes.note("group", before && namedGroup(before), after && namedGroup(after));
      if (after) onGroup(after);
      if (before && after) this.#changedGroups.push({ before, after });
    });
    const runs = new RunTable(stored.runs, outbox, (name) => groups.find(name).ok);
    const upgrade = new GroupUpgrade(now, {
      inventory,
      groups,
      catalogue,
      runs,
      outbox,
      timings,
      sessionsMax,
      wanTransfersMax: wan.transfersMax,
      unguessable: config.unguessable,
    });
    const acts = new SwapAndReset(now, stored.resets, {
      inventory,
      outbox,
      timings,
      objection: (ap) => this.#objection(ap),
      isListed: (sha256) => catalogue.bySha256(sha256) !== undefined,
      lastImage: (mac) => {
        const member = runs.latestOfAp(mac);
        return member?.family.image ? { ...member.family.image, at: member.run.finishedAt } : undefined;
      },
    });
    const activationTable = new ActivationTable(stored.activations, outbox);
    const activations = new Activations(now, {
      inventory,
      runs,
      isInRun: (ap) => this.#runObjection(ap) !== undefined,
      table: activationTable,
      acts,
      outbox,
      timings,
      findGroup: (name) => groups.find(name),
      seed: config.seed,
      onChange: (before, after) => this.#changes.note("activation", before && namedActivation(before), namedActivation(after)),
    });
    const peer = new PeerParity(config.peer, catalogue, outbox);
    const system = new SystemState(now, config.capwap.softwareVersion, outbox);
    this.inventory = inventory;
    this.catalogue = catalogue;
    this.groups = groups;
    this.runs = runs;
    this.#wanCounts = new WanCounts(runs, outbox);
    this.#desk = {
      inventory,
      catalogue,
      groups,
      runs,
      outbox,
      upgrade,
      acts,
      activations,
      activationTable,
      peer,
      system,
      downloadsAtJoin,
      lostImages,
      sessionsMax,
      wan,
      timings,
    };
    // No order made what the start itself may have changed.
    this.#changes.take();
    this.#changedGroups = [];
  }

  nextWakeAt(): Instant | undefined {
    const { upgrade, acts, activations } = this.#desk;
    return earliest(upgrade.nextWakeAt(), acts.nextWakeAt(), activations.nextWakeAt(), this.#wanCounts.nextWakeAt());
  }

  wake(now: Instant): void {
    this.#desk.upgrade.wake(now);
    this.#desk.acts.wake(now);
    this.#desk.activations.wake(now);
    this.#wanCounts.wake(now);
  }

  /** Stores the counts that are written only now and then. */
  stop(): void {
    this.#wanCounts.store();
  }

  // ---- APs -----------------------------------------------------------------------------------------------------------

  apJoined(now: Instant, ap: JoinedAp): void {
    this.inventory.joined(now, ap);
    this.#compareImage(ap.mac);
    this.#desk.acts.joined(ap.mac, ap.runningVersion);
    if (ap.rolledBack) this.outbox.event({ type: "ap-rolled-back", mac: ap.mac, name: ap.name, ...ap.rolledBack });
    this.#desk.activations.joined(now, ap.mac, ap.rolledBack);
    this.#desk.upgrade.joined(now, ap.mac);
  }

  /** What is called complete is compared with what the AP says that it holds. */
  #compareImage(mac: MacAddress): void {
    const member = this.runs.latestOfAp(mac);
    const ap = this.inventory.get(mac);
    const image = member?.state.phase === "complete" ? member.family.image : null;
    if (image && ap?.record.slots && !holdsImage(ap, image.sha256)) this.lostImages.add(mac);
    else this.lostImages.delete(mac);
  }

  /** Whether another device is joined with this MAC address: the later one waits until it has left. */
  hasRival({ mac, serial, peer }: Pick<JoinedAp, "mac" | "serial" | "peer">): boolean {
    const ap = this.inventory.get(mac);
    if (!ap?.session || serial === "" || ap.record.serial === "" || ap.record.serial === serial) return false;
    if (this.#rivals.get(mac) !== serial) {
      this.#rivals.set(mac, serial);
      const { name, serial: joinedSerial } = ap.record;
      this.outbox.event({
        type: "duplicate-mac",
        mac,
        name,
        serial: joinedSerial,
        from: ap.session.peer,
        otherSerial: serial,
        otherFrom: peer,
      });
    }
    return true;
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
    this.#desk.acts.forget(forgotten);
  }

  #needsRoom(mac: MacAddress): boolean {
    return this.inventory.get(mac) === undefined && this.inventory.size >= limits.knownAps;
  }

  #mayBeForgotten(mac: MacAddress): boolean {
    return !this.groups.of(mac) && !this.runs.runningOfAp(mac) && this.#desk.acts.resetOf(mac)?.state !== "waiting";
  }

  apLeft(now: Instant, mac: MacAddress, why: string): void {
    this.inventory.left(mac, why);
    this.#rivals.delete(mac);
    this.#desk.activations.left(mac);
    this.#desk.upgrade.left(now, mac);
  }

  apHeard(now: Instant, mac: MacAddress): void {
    this.inventory.heard(now, mac);
  }

  apInventory(now: Instant, mac: MacAddress, inventory: ApInventory): void {
    this.inventory.changed(mac, inventory);
    this.#compareImage(mac);
    this.#desk.upgrade.inventoryChanged(now, mac);
  }

  apReported(now: Instant, mac: MacAddress, report: ApReport): void {
    // The AP may report a run of the controller from which it failed over: it keeps its partial image for an order.
    if (report.state === "complete") this.lostImages.delete(mac);
    if (this.runs.hasBegun(report.runId)) this.#desk.upgrade.reported(now, mac, report);
  }

  apProved(now: Instant, mac: MacAddress, proof: HoldingProof): void {
    this.#desk.upgrade.proved(now, mac, proof);
  }

  /** @param proof that an AP which holds the image gives; null where the controller's own file cannot be read */
  proofExpected(now: Instant, question: ProofQuestion, proof: Uint8Array | null): void {
    if (proof === null) this.outbox.checkImage(question.sha256);
    this.#desk.upgrade.proofExpected(now, question, proof);
  }

  apServes(now: Instant, mac: MacAddress, report: ApServing): void {
    this.#desk.upgrade.served(now, mac, report);
  }

  apBlames(now: Instant, mac: MacAddress, fault: ApChunkFault): void {
    this.#desk.upgrade.blamed(now, mac, fault);
  }

  /** `answer` null: the session ended before one came. */
  apAnswered(now: Instant, mac: MacAddress, command: ApCommand, answer: Answer | null): void {
    if (command.type === "swap" || command.type === "reset") {
      const refused = this.#desk.acts.answered(mac, command, answer);
      this.#desk.activations.answered(now, mac, command.type, refused);
    }
    if (command.type === "upgrade" && answer !== null) this.#desk.upgrade.answered(now, mac, command, answer);
    else if (command.type === "challenge" && answer !== null) this.#desk.upgrade.challengeAnswered(now, mac, answer);
  }

  transferMoved(now: Instant, mac: MacAddress, bytesDone: number): void {
    this.#desk.upgrade.transferMoved(now, mac, bytesDone);
  }

  transferEnded(now: Instant, mac: MacAddress, failure: { reason: FailureReason; detail: string } | null): void {
    this.#desk.upgrade.transferEnded(now, mac, failure);
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

  /** @param fault of its file, null where that is sound. @param chunks null where it is not */
  imageChecked(now: Instant, sha256: Sha256Hex, fault: string | null, chunks: ImageChunks | null): void {
    if (chunks !== null && this.catalogue.noteChunks(sha256, chunks)) this.#desk.upgrade.chunksKnown(now, sha256);
    if (!this.catalogue.noteCheck(sha256, fault) || fault === null) return;
    this.outbox.event({ type: "image-damaged", sha256, detail: fault });
    this.#desk.upgrade.imageDamaged(now, sha256);
  }

  peerAnswered(now: Instant, answer: PeerAnswer): void {
    this.#desk.peer.answered(now, answer);
  }

  systemChanged(facts: SystemFacts): void {
    this.#desk.system.update(facts);
  }

  // ---- operators -----------------------------------------------------------------------------------------------------

  order(now: Instant, requestId: number, order: MachineOrder): void {
    const outcome = carryOut(this.#desk, now, requestId, order);
    for (const { before, after } of this.#changedGroups.splice(0)) this.#desk.upgrade.settingsChanged(now, before, after);
    const changes = this.#changes.take();
    if (changes.some(({ kind }) => kind === "image")) this.#desk.peer.tellIfNew();
    if (outcome === later) return;
    if (!outcome.ok) this.outbox.event({ type: "order-refused", order: order.type, failure: outcome.failure });
    else if (!isQuery(order)) this.outbox.event({ type: "order-done", order: order.type, target: targetOf(order) });
    this.outbox.reply(requestId, outcome, changes);
  }

  /** An AP that is being upgraded or activated is left alone. */
  #objection(ap: KnownAp): Failure | undefined {
    const activated = this.#desk.activationTable.unfinishedOfAp(ap.record.mac);
    if (activated && !isOver(activated.record.state)) return refuse.apActivating(ap.record.name, activated.activation.record.group).failure;
    return this.#runObjection(ap);
  }

  /** It fetches, or others fetch from it. */
  #runObjection(ap: KnownAp): Failure | undefined {
    const member = this.runs.runningOfAp(ap.record.mac);
    const serves = member !== undefined && primaryOf(member.family) === ap.record.mac;
    return serves || isInRun(this, ap) ? refuse.apBusy(ap.record.name).failure : undefined;
  }
}

function targetOf(order: MachineOrder): string {
  if ("group" in order && order.group !== null) return "ap" in order ? `${order.group}: ${order.ap}` : order.group;
  if ("ap" in order) return order.ap;
  if (order.type === "image-add") return `${order.image.version} ${order.image.release}`;
  return order.type === "image-remove" ? order.imageId : "";
}
