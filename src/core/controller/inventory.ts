/** Every AP that ever joined: its own description, and its session while it is joined. */

import type { Endpoint } from "../../base/endpoint.js";
import { type Result, success } from "../../base/failure.js";
import { isIPv6 } from "../../base/ip-address.js";
import { compareMac, type MacAddress, parseMac } from "../../base/mac-address.js";
import { oneWord } from "../../base/one-word.js";
import { type Sha256Hex, sha256HexOf } from "../../base/sha256.js";
import type { Instant } from "../../base/time.js";
import { type ApInventory, extensions } from "../../wire/capwap/vendor.js";
import { type Generation, modelFacts } from "../upgrade/models.js";
import type { ApLink, JoinedAp } from "./ap-port.js";
import { refuse } from "./operator/refusals.js";
import type { Outbox } from "./outbox.js";
import type { ApRecord, SlotRecord } from "./records.js";

/** What holds only while the AP is joined. */
export interface ApSession {
  readonly peer: Endpoint;
  /** CAPWAP Local IP Address: its own view, which differs from `peer` behind a NAT. */
  readonly localAddress: string | null;
  /** Where it says that it serves TFTP; an empty address for its own. */
  readonly tftp: Endpoint;
  /** Speaks our upgrade elements. */
  readonly capable: boolean;
  /** It is at its address, so that others may be sent there. */
  readonly proven: boolean;
  /** Fetches and serves images in chunks. */
  readonly streams: boolean;
  readonly freeBytes: number;
  readonly link: ApLink;
  /** Trusts a root: it needs an image's bundle before the order for it. */
  readonly signedOnly: boolean;
}

export interface KnownAp {
  readonly record: ApRecord;
  readonly family: string;
  readonly generation: Generation;
  readonly session: ApSession | null;
}

const tftpPort = 69;

const tftpEndpoint = (inventory: ApInventory | null): Endpoint => ({
  address: inventory?.tftp.address ?? "",
  port: inventory?.tftp.port || tftpPort,
});

const slotRecord = (slot: ApInventory["primary"]): SlotRecord =>
  slot.version === "" ? { version: "", sha256: "" } : { version: slot.version, sha256: sha256HexOf(slot.sha256) };

const doesStream = (inventory: ApInventory | null): boolean => inventory?.extensions.includes(extensions.stream) ?? false;

const slotsOf = (inventory: ApInventory | null): ApRecord["slots"] =>
  inventory && { primary: slotRecord(inventory.primary), backup: slotRecord(inventory.backup), running: inventory.running };

export const holdsImage = ({ record: { slots } }: KnownAp, sha256: Sha256Hex): boolean =>
  slots !== null && (slots.primary.sha256 === sha256 || slots.backup.sha256 === sha256);

/** A name is found as the AP spells it and as tables do. */
const keyOf = (name: string): string => oneWord(name.trim()).toLowerCase();

/** `name (mac)`, for people. */
export const apLabel = ({ record: { name, mac } }: KnownAp): string => `${name} (${mac})`;

export class Inventory {
  readonly #aps = new Map<MacAddress, KnownAp>();
  /** `keyOf` a name to the APs that bear it. */
  readonly #named = new Map<string, Set<MacAddress>>();
  readonly #heardAt = new Map<MacAddress, Instant>();
  readonly #outbox: Outbox;
  readonly #isGrouped: (mac: MacAddress) => boolean;

  constructor(records: readonly ApRecord[], outbox: Outbox, isGrouped: (mac: MacAddress) => boolean) {
    this.#outbox = outbox;
    this.#isGrouped = isGrouped;
    for (const record of records) this.#set({ record, ...modelFacts(record.model), session: null });
  }

  get size(): number {
    return this.#aps.size;
  }

  get(mac: MacAddress): KnownAp | undefined {
    return this.#aps.get(mac);
  }

  isJoined(mac: MacAddress): boolean {
    return (this.#aps.get(mac)?.session ?? null) !== null;
  }

  /** A datagram of its session came in. */
  heard(now: Instant, mac: MacAddress): void {
    this.#heardAt.set(mac, now);
  }

  heardAt(mac: MacAddress): Instant {
    return this.#heardAt.get(mac) ?? Number.NEGATIVE_INFINITY;
  }

  /** By name, then MAC. */
  all(): KnownAp[] {
    return [...this.#aps.values()].sort((a, b) =>
      a.record.name === b.record.name ? compareMac(a.record.mac, b.record.mac) : a.record.name < b.record.name ? -1 : 1,
    );
  }

  /**
   * A name means its joined bearer where there is one; of several, the one in a group: anyone can join under the name of an AP, only an
   * operator puts it in a group.
   */
  find(selector: string): Result<KnownAp> {
    const isJoined = (ap: KnownAp): boolean => ap.session !== null;
    return this.#pick(selector, isJoined, ({ record }) => this.#isGrouped(record.mac));
  }

  /** Every AP that a name may mean, joined ones before absent ones. Failure: `unknown-ap`. */
  findAll(selector: string): Result<readonly KnownAp[]> {
    const aps = this.#selected(selector);
    const joined = aps.filter(({ session }) => session !== null);
    if (aps.length === 0) return refuse.unknownAp(selector);
    return success(joined.length > 0 ? joined : aps);
  }

  /** An AP that is not joined; a name means its only absent bearer. */
  findAbsent(selector: string): Result<KnownAp> {
    const found = this.#pick(selector, (ap) => ap.session === null);
    return found.ok && found.value.session ? refuse.apJoined(found.value.record.name) : found;
  }

  /** @param preferences each narrows the choice where it leaves any */
  #pick(selector: string, ...preferences: ((ap: KnownAp) => boolean)[]): Result<KnownAp> {
    let aps = this.#selected(selector);
    for (const isPreferred of preferences) {
      const preferred = aps.filter(isPreferred);
      if (preferred.length > 0) aps = preferred;
    }
    const [ap, ...others] = aps;
    if (ap === undefined) return refuse.unknownAp(selector);
    return others.length === 0 ? success(ap) : refuse.ambiguousAp(selector, aps.map(({ record }) => record.mac).join(", "));
  }

  /** By MAC address, else by name. */
  #selected(selector: string): readonly KnownAp[] {
    const mac = parseMac(selector);
    const byMac = mac && this.#aps.get(mac);
    if (byMac) return [byMac];
    const bearers = [...(this.#named.get(keyOf(selector)) ?? [])].sort(compareMac);
    return bearers.map((bearer) => this.#aps.get(bearer) as KnownAp);
  }

  joined(now: Instant, ap: JoinedAp): void {
    this.heard(now, ap.mac);
    const former = this.#aps.get(ap.mac)?.record;
    if (former && former.name !== ap.name) {
      this.#outbox.event({ type: "ap-renamed", mac: ap.mac, name: ap.name, formerName: former.name });
    }
    this.#outbox.event({ type: "ap-joined", mac: ap.mac, name: ap.name, model: ap.model, from: ap.peer });
    this.#store({
      record: {
        mac: ap.mac,
        name: ap.name,
        model: ap.model,
        serial: ap.serial,
        runningVersion: ap.runningVersion,
        joinedAt: now,
        slots: slotsOf(ap.inventory),
      },
      ...modelFacts(ap.model),
      session: {
        peer: ap.peer,
        localAddress: ap.localAddress,
        tftp: tftpEndpoint(ap.inventory),
        capable: ap.inventory !== null,
        proven: ap.proven,
        streams: doesStream(ap.inventory),
        freeBytes: ap.inventory?.freeBytes ?? 0,
        link: ap.link,
        signedOnly: ap.inventory?.extensions.includes(extensions.signedImages) ?? false,
      },
    });
  }

  left(mac: MacAddress, why: string): void {
    const ap = this.#aps.get(mac);
    if (!ap?.session) return;
    this.#set({ ...ap, session: null });
    this.#outbox.event({ type: "ap-left", mac, name: ap.record.name, why });
  }

  /** The AP that is absent the longest of those for which `isCandidate` holds. */
  longestAbsent(isCandidate: (mac: MacAddress) => boolean): MacAddress | undefined {
    let absent: KnownAp | undefined;
    for (const ap of this.#aps.values())
      if (!ap.session && (!absent || this.lastSeenAt(ap.record) < this.lastSeenAt(absent.record)) && isCandidate(ap.record.mac))
        absent = ap;
    return absent?.record.mac;
  }

  forget(mac: MacAddress): void {
    const ap = this.#aps.get(mac);
    if (ap === undefined) return;
    const { name } = ap.record;
    this.#unname(name, mac);
    this.#aps.delete(mac);
    this.#heardAt.delete(mac);
    this.#outbox.remove("ap", mac);
    this.#outbox.event({ type: "ap-forgotten", mac, name });
  }

  /** A joined AP reports the content of its slots. */
  changed(mac: MacAddress, inventory: ApInventory): void {
    const ap = this.#aps.get(mac);
    if (!ap?.session) return;
    this.#store({
      ...ap,
      record: { ...ap.record, slots: slotsOf(inventory) },
      session: {
        ...ap.session,
        tftp: tftpEndpoint(inventory),
        capable: true,
        streams: doesStream(inventory),
        freeBytes: inventory.freeBytes,
      },
    });
  }

  /** The AP confirmed that this image boots next; its own inventory may have said so before. */
  bootsNext(mac: MacAddress, sha256: Sha256Hex): void {
    const ap = this.#aps.get(mac);
    const slots = ap?.record.slots;
    if (!ap || !slots || slots.primary.sha256 === sha256 || slots.backup.sha256 !== sha256) return;
    const running = slots.running === "primary" ? "backup" : "primary";
    this.#store({ ...ap, record: { ...ap.record, slots: { primary: slots.backup, backup: slots.primary, running } } });
  }

  /** When the AP was last heard of, as far as is known. */
  lastSeenAt(record: ApRecord): Instant {
    return this.#heardAt.get(record.mac) ?? record.joinedAt;
  }

  #store(ap: KnownAp): void {
    this.#set(ap);
    this.#outbox.put("ap", ap.record.mac, ap.record);
  }

  #set(ap: KnownAp): void {
    const { mac, name } = ap.record;
    const formerName = this.#aps.get(mac)?.record.name;
    if (formerName !== name) {
      if (formerName !== undefined) this.#unname(formerName, mac);
      const key = keyOf(name);
      const bearers = this.#named.get(key);
      if (bearers) bearers.add(mac);
      else this.#named.set(key, new Set([mac]));
    }
    this.#aps.set(mac, ap);
  }

  #unname(name: string, mac: MacAddress): void {
    const key = keyOf(name);
    const bearers = this.#named.get(key);
    bearers?.delete(mac);
    if (bearers?.size === 0) this.#named.delete(key);
  }
}

export const isOverIPv6 = (ap: KnownAp): boolean => ap.session !== null && isIPv6(ap.session.peer.address);
