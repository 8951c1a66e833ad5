/**
 * A controller that is not there: its branches, APs and a run that moves, for tests of the page alone. It answers orders with the views that
 * a real one would and says what changed. The rules of an upgrade are played loosely; the real ones are tested elsewhere.
 */
import type { ControllerPort } from "../../../src/admin/operator-port.js";
import { type Failure, failure, type Result, success } from "../../../src/base/failure.js";
import type { MacAddress } from "../../../src/base/mac-address.js";
import type { ControllerEvent } from "../../../src/core/controller/events.js";
import { changedSettings } from "../../../src/core/controller/operator/group-settings.js";
import type { Order } from "../../../src/core/controller/operator/orders.js";
import type {
  ApImageRow,
  ApSummaryRow,
  CredentialView,
  GroupView,
  ImageView,
  ModelView,
  PeerView,
  RunReport,
  RunTotals,
  StorageView,
} from "../../../src/core/controller/operator/views.js";
import type { PlannedFamily, PlannedMember, RunPlan } from "../../../src/core/controller/run/plan.js";
import { previewRun } from "../../../src/core/controller/run/preview.js";
import { nobody } from "../../../src/core/controller/run/primary-choice.js";
import type { ReleaseName } from "../../../src/core/upgrade/limits.js";
import { modelFacts } from "../../../src/core/upgrade/models.js";
import { idleRow } from "../ap-image-row.js";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const imageBytes = 48 * 1024 * 1024;
const models = ["AIR-AP2802I-E-K9", "AIR-AP1815I-E-K9", "AIR-CAP3702I-E-K9"];
const oldVersion = "8.3.143.0";
const newVersion = "8.5.161.0";
/** A fixed instant, so that pictures of the page stay alike. */
const bootedAt = Date.UTC(2026, 10, 23, 9, 0, 0);

const wan = { transfersMax: 100, bytesPerSecondMax: null };

interface Branch {
  readonly name: string;
  readonly apCount: number;
  /** Default: made of the branch's name. */
  readonly apName?: (number: number) => string;
}

const usualName =
  (branch: string) =>
  (number: number): string =>
    `${branch.toLowerCase().replaceAll(" ", "-")}-ap${String(number).padStart(2, "0")}`;

export class FakeBranches implements ControllerPort {
  readonly orders: Order[] = [];
  peer: PeerView | null = null;
  storage: StorageView = { state: "writable" };
  now = bootedAt;
  onEvent: (event: ControllerEvent) => void = () => {};
  readonly #rows = new Map<string, Mutable<ApImageRow>>();
  readonly #summaries = new Map<string, Mutable<ApSummaryRow>>();
  readonly #groups = new Map<string, Mutable<GroupView>>();
  readonly #reports: RunReport[] = [];
  #catalogue: ImageView[] = [];
  readonly #credentials = new Map<string, CredentialView>();
  #runs = 0;

  constructor(branches: readonly Branch[]) {
    let serial = 0;
    for (const { name, apCount, apName = usualName(name) } of branches) {
      this.#addGroup(name);
      for (let number = 1; number <= apCount; number++) this.#addAp(name, apName(number), ++serial);
      this.#elect(name);
    }
    for (const [index, families] of [["ap3g3"], ["ap1g5"], ["c3700"]].entries()) {
      this.#catalogue.push(image(`p${index}`, "primary", newVersion, models[index] as string, families));
      this.#catalogue.push(image(`b${index}`, "backup", oldVersion, models[index] as string, families));
    }
  }

  async carryOut<T extends Order>(order: T): Promise<never> {
    return { result: await this.order(order), changes: [] } as never;
  }

  async order<T extends Order>(order: T): Promise<never> {
    if (!order.type.startsWith("show-")) this.orders.push(order);
    return structuredClone(this.#answer(order)) as never;
  }

  #answer(order: Order): Result<unknown> {
    if ("group" in order && order.group !== null && order.type !== "group-add") {
      const group = this.#groups.get(order.group);
      if (group === undefined)
        return failure("unknown-group", `There is no group "${order.group}"; "show flexconnect group summary" lists them`);
      return this.#groupAnswer(order as Extract<Order, { group: string }>, group);
    }
    switch (order.type) {
      case "group-add":
        if (this.#groups.has(order.group)) return failure("group-exists", `There is a group "${order.group}" already; choose another name`);
        this.#addGroup(order.group);
        return this.#done(order.group);
      case "show-run-summary":
        return success(this.#reports);
      case "show-run": {
        const report = this.#reports.find(({ id }) => id === order.run);
        return report === undefined ? failure("unknown-run", `There is no report of a run ${order.run}`) : success(report);
      }
      case "show-ap-summary":
        return success([...this.#summaries.values()]);
      case "show-ap-image":
        return success({ total: this.#rows.size, counts: {}, aps: this.#select(order.ap) });
      case "show-group-summary":
        return success([...this.#groups.values()].map(({ name }) => ({ name })));
      case "show-images":
        return success(this.#catalogue);
      case "show-peer":
        return success({ peer: this.peer });
      case "show-system":
        return success({
          version: "0.0.0",
          startedAt: bootedAt,
          storage: this.storage,
          link: "dtls",
          signatures: "unverified",
          certificate: null,
        });
      case "credential-list":
        return success([...this.#credentials.values()]);
      case "credential-add":
        this.#credentials.set(order.mac, { mac: order.mac, state: "active", since: this.now });
        return success({ identity: order.mac, key: "5a".repeat(32) });
      case "credential-delete":
        this.#credentials.set(order.mac, { mac: order.mac, state: "revoked", since: this.now });
        return success(null);
      case "show-boot":
        return success({ primary: newVersion, backup: oldVersion });
      case "image-add": {
        const added = {
          ...order.image,
          id: `u${this.#catalogue.length}`,
          families: order.image.models.map((name) => modelFacts(name).family),
          addedAt: this.now,
          signature: null,
        };
        this.#catalogue = [...this.#catalogue, added];
        this.#done("images");
        return success(added);
      }
      case "image-remove": {
        const removed = this.#catalogue.find(({ id }) => id === order.imageId);
        this.#catalogue = this.#catalogue.filter((image) => image !== removed);
        this.#done("images");
        return success(removed);
      }
      case "ap-swap": {
        const rows = this.#select(order.ap);
        for (const row of rows) [row.primaryImage, row.backupImage] = [row.backupImage, row.primaryImage];
        this.#done(order.ap);
        return success({ done: rows.map(({ name }) => name), refused: [], pending: [] });
      }
      case "ap-reset":
        return success({ done: this.#select(order.ap).map(({ name }) => name), refused: [], pending: [] });
      case "ap-predownload":
        return success({ runIds: [1], apCount: this.#select(order.ap).length });
      default:
        return failure("not-faked", `The fake controller has no answer to ${order.type}; give it one`);
    }
  }

  #groupAnswer(order: Extract<Order, { group: string }>, group: Mutable<GroupView>): Result<unknown> {
    switch (order.type) {
      case "group-delete":
        this.#groups.delete(group.name);
        return this.#done(group.name);
      case "group-ap-add":
        if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(order.mac))
          return failure("bad-mac", `"${order.mac}" is not a valid MAC address; write it like 00:0a:b8:3b:0b:c2`);
        group.aps = [...group.aps, { mac: order.mac, name: null, model: null, status: "Not Joined", forcedSubordinate: false }];
        return this.#done(group.name);
      case "group-ap-delete":
        group.aps = group.aps.filter(({ mac }) => mac !== order.mac);
        this.#elect(group.name);
        return this.#done(group.name);
      case "group-set": {
        const settings = changedSettings(group, order.settings, { lab: true });
        if (settings.ok) Object.assign(group, settings.value);
        return settings.ok ? this.#done(group.name) : settings;
      }
      case "group-predownload":
        group.predownload = order.enabled;
        return this.#done(group.name);
      case "group-retry-count":
        group.retryCount = order.retryCount;
        return this.#done(group.name);
      case "group-backoff":
        group.backoffSecondsMin = order.minSeconds;
        group.backoffSecondsMax = order.maxSeconds;
        return this.#done(group.name);
      case "group-wave2-refetch":
        group.wave2Refetch = order.enabled;
        return this.#done(group.name);
      case "group-wan":
        group.wan = { ...group.wan, ...(order.wan as Partial<GroupView["wan"]>) };
        return this.#done(group.name);
      case "group-primary-add":
      case "group-primary-remove": {
        const row = this.#rows.get(order.ap);
        if (row === undefined) return failure("unknown-ap", `No AP ${order.ap} has joined; "show ap summary" lists those that have`);
        this.#elect(group.name, order.type === "group-primary-add" ? row.mac : undefined);
        return this.#done(group.name);
      }
      case "show-group":
        return success(group);
      case "group-preview":
        return success(
          previewRun({ plan: this.#plan(group, order.release), group, sessionsMax: 3, wan, link: order.link, objection: this.#objection }),
        );
      case "group-start":
        if (group.run?.state === "running")
          return failure("run-active", `A run of "${group.name}" is under way; wait for its end or abort it`);
        if (this.#objection !== undefined && !order.force) return { ok: false, failure: this.#objection };
        return this.#start(group, order.release);
      case "group-abort":
        return this.#abort(group);
      default:
        return failure("not-faked", `The fake controller has no answer to ${order.type}; give it one`);
    }
  }

  #plan(group: GroupView, release: ReleaseName): RunPlan {
    const families = group.models.map(({ family, primary, manual, warning }): PlannedFamily => {
      const image = this.#catalogue.find((one) => one.release === release && one.families.includes(family));
      const mac = image && primary ? (primary.mac as MacAddress) : null;
      return {
        family,
        image: image ? { ...image, family } : null,
        choice: { ...nobody, mac, manual, warning },
        warnings: warning === null ? [] : [warning],
      };
    });
    const members = group.aps.flatMap(({ mac: text, name, model }): PlannedMember[] => {
      const family = group.models.find(({ models }) => model !== null && models.includes(model))?.family;
      const { image, choice } = families.find((one) => one.family === family) ?? {};
      if (family === undefined || name === null || model === null) return [];
      const mac = text as MacAddress;
      const row = this.#rows.get(mac);
      const holds = [row?.primaryImage, row?.backupImage].includes(image?.version);
      const isPrimary = choice?.mac === mac;
      const step = !image ? "unsupported" : holds ? (isPrimary ? "serve" : "holds") : isPrimary ? "fetch-wan" : "fetch-lan";
      return [{ mac, name, model, family, step }];
    });
    return { refusal: null, group: group.name, release, open: true, families, members, leftOut: [] };
  }

  get #objection(): Failure | undefined {
    if (this.peer?.verdict !== "differs") return undefined;
    return { code: "peer-differs", message: `The peer controller ${this.peer.name} does not hold the same images` };
  }

  /** Moves every run on by `ms`. */
  pass(ms: number): void {
    this.now += ms;
    const moved: Mutable<ApImageRow>[] = [];
    for (const group of this.#groups.values()) {
      if (group.run?.state !== "running") continue;
      for (const model of group.models) moved.push(...this.#moveModel(group, model as Mutable<ModelView>, ms));
      this.#count(group);
    }
    const [first] = moved;
    if (first !== undefined)
      this.onEvent({
        type: "ap-progress",
        runId: this.#runs,
        mac: first.mac as MacAddress,
        path: first.source ?? "none",
        bytesDone: first.bytesDone,
        bytesTotal: first.bytesTotal,
        tries: 0,
        nextRetryAt: null,
        wanBytes: first.wanBytes,
        lanBytes: first.lanBytes,
      });
  }

  #moveModel(group: GroupView, model: Mutable<ModelView>, ms: number): Mutable<ApImageRow>[] {
    const primary = this.#rows.get(model.primary?.mac ?? "");
    if (primary === undefined) return [];
    const members = this.#members(group).filter((row) => modelFacts(row.model).family === model.family);
    if (primary.status !== "Complete") {
      this.#receive(primary, "wan", 2_200 * ms);
      model.wanBytes = primary.wanBytes;
      if ((primary.status as string) === "Complete") model.wanCopies = 1;
      return [primary];
    }
    const active = members.filter((row) => row.status === "Predownloading" && row !== primary);
    for (const row of active) this.#receive(row, "lan", 1_350 * ms);
    const ready = members.filter((row) => row.status === "Initiated").sort((a, b) => (a.nextRetrySeconds ?? 0) - (b.nextRetrySeconds ?? 0));
    let free = model.sessionsMax - active.filter(({ status }) => status === "Predownloading").length;
    for (const row of ready) {
      const wait = Math.max(0, (row.nextRetrySeconds ?? 0) - ms / 1000);
      if (wait > 0) row.nextRetrySeconds = Math.round(wait * 1000) / 1000;
      else if (free-- > 0) {
        row.status = "Predownloading";
        row.nextRetrySeconds = null;
      } else {
        row.retryCount = (row.retryCount ?? 0) + 1;
        row.nextRetrySeconds = 100 + ((row.mac.charCodeAt(16) * 37 + row.retryCount * 61) % 200);
      }
    }
    for (const row of ready) if (row.nextRetrySeconds !== null) row.nextRetrySeconds = Math.ceil(row.nextRetrySeconds);
    const serving = members.filter((row) => row.status === "Predownloading" && row !== primary);
    model.serving = serving.map(({ mac, name, bytesDone }) => ({ mac, name, address: "10.1.2.3", bytesDone }));
    model.sessions = serving.length;
    model.sessionsPeak = Math.max(model.sessionsPeak, serving.length);
    model.lanBytes = members.reduce((sum, { lanBytes }) => sum + lanBytes, 0);
    return [...active, ...ready];
  }

  #receive(row: Mutable<ApImageRow>, path: "wan" | "lan", bytes: number): void {
    const step = Math.min(bytes, row.bytesTotal - row.bytesDone);
    row.bytesDone += step;
    row[path === "wan" ? "wanBytes" : "lanBytes"] += step;
    row.source = path;
    if (row.bytesDone < row.bytesTotal) {
      row.status = "Predownloading";
      return;
    }
    row.status = "Complete";
    row.backupImage = row.version ?? "0.0.0.0";
  }

  #start(group: Mutable<GroupView>, release: "primary" | "backup"): Result<unknown> {
    const id = ++this.#runs;
    const version = release === "primary" ? newVersion : oldVersion;
    for (const row of this.#members(group)) {
      const isPrimary = group.models.some(({ primary }) => primary?.mac === row.mac);
      Object.assign(row, {
        role: isPrimary ? "primaryCentral" : "subordinateLocal",
        status: "Initiated",
        version,
        source: null,
        retryCount: 0,
        nextRetrySeconds: null,
        wanBytes: 0,
        lanBytes: 0,
        bytesDone: 0,
        bytesTotal: imageBytes,
      } satisfies Partial<ApImageRow>);
    }
    group.run = {
      id,
      state: "running",
      release,
      startedAt: this.now,
      finishedAt: null,
      counts: noCounts,
      waits: [],
      stepsDown: [],
      ...this.#totals(group),
    };
    this.#count(group);
    this.onEvent({ type: "run-started", runId: id, group: group.name, release });
    this.#done(group.name);
    return success({ runId: id, leftOut: [] });
  }

  #abort(group: Mutable<GroupView>): Result<unknown> {
    if (group.run?.state !== "running") return failure("no-run", `No run of "${group.name}" is under way, so there is nothing to abort`);
    for (const row of this.#members(group))
      if (row.status !== "Complete") Object.assign(row, { status: "None", bytesDone: 0, nextRetrySeconds: null });
    this.#end(group, "aborted");
    return success({ runId: group.run?.id });
  }

  #end(group: Mutable<GroupView>, state: "complete" | "aborted"): void {
    if (group.run === null) return;
    group.run = { ...group.run, state, finishedAt: this.now, counts: this.#counts(group), ...this.#totals(group) };
    for (const model of group.models) Object.assign(model, { serving: [], sessions: 0 });
    const rows = this.#members(group);
    this.#reports.unshift({
      ...group.run,
      group: group.name,
      models: group.models,
      apCount: rows.length,
      aps: rows.map(({ name, mac, model, role, status, source, wanBytes, lanBytes, wanWireBytes, retryCount, failureReason }) => ({
        ...{ name, mac, model, role, status, source, wanBytes, lanBytes, wanWireBytes, failureReason },
        startedAt: group.run?.startedAt ?? null,
        endedAt: this.now,
        tries: retryCount ?? 0,
        detail: "",
      })),
    });
    this.onEvent({ type: "run-finished", runId: group.run.id, group: group.name, state });
  }

  #totals(group: GroupView): RunTotals {
    const rows = this.#members(group);
    const sum = (count: "wanBytes" | "lanBytes" | "wanWireBytes"): number => rows.reduce((total, row) => total + row[count], 0);
    const wanBytesSaved = rows.filter(({ source }) => source === "lan").length * imageBytes;
    return { wanBytes: sum("wanBytes"), lanBytes: sum("lanBytes"), wanWireBytes: sum("wanWireBytes"), wanBytesSaved };
  }

  #counts(group: GroupView) {
    const counts = { ...noCounts };
    for (const { status } of this.#members(group)) counts[status]++;
    return counts;
  }

  #count(group: Mutable<GroupView>): void {
    if (group.run === null) return;
    group.run = { ...group.run, counts: this.#counts(group) };
    if (group.run.counts.Complete === this.#members(group).length) this.#end(group, "complete");
  }

  #members(group: GroupView): Mutable<ApImageRow>[] {
    return group.aps.flatMap(({ mac }) => this.#rows.get(mac) ?? []);
  }

  #select(ap: string): Mutable<ApImageRow>[] {
    return [...this.#rows.values()].filter(({ mac, name }) => ap === "all" || ap === mac || ap === name);
  }

  #done(target: string): Result<null> {
    this.onEvent({ type: "order-done", order: this.orders.at(-1)?.type ?? "group-add", target });
    return success(null);
  }

  #addGroup(name: string): void {
    this.#groups.set(name, {
      name,
      predownload: false,
      distribution: "classic",
      serveBytesPerSecondMax: null,
      primaryAddress: "advertised",
      retryCount: 44,
      backoffSecondsMin: 100,
      backoffSecondsMax: 300,
      wave2Refetch: true,
      wan: { fallback: "fallback", transfersMax: 10, bytesPerSecondMax: null, fallbackApsMax: null, fallbackBytesMax: null },
      aps: [],
      models: [],
      run: null,
      transfers: [],
      activation: null,
      readyToActivate: 0,
    });
  }

  #addAp(groupName: string, name: string, serial: number): void {
    const mac = `00:0a:b8:${[serial >> 16, serial >> 8, serial].map((octet) => (octet & 255).toString(16).padStart(2, "0")).join(":")}`;
    const model = models[serial % models.length] as string;
    const shared = { name, mac, model, group: groupName };
    this.#rows.set(mac, idleRow({ ...shared, primaryImage: oldVersion }));
    this.#summaries.set(mac, {
      ...shared,
      family: modelFacts(model).family,
      address: `10.1.${serial >> 8}.${serial & 255}`,
      state: "Joined",
      runningVersion: oldVersion,
      joinedAt: bootedAt - serial * 1000,
      lastSeenAt: bootedAt - serial * 1000,
      serial: `FGL${2000000 + serial}`,
      link: "dtls-psk",
      signature: "unsigned",
      reset: null,
    });
    const group = this.#groups.get(groupName) as Mutable<GroupView>;
    group.aps = [...group.aps, { mac, name, model, status: "Joined", forcedSubordinate: false }];
  }

  #elect(name: string, manual?: string): void {
    const group = this.#groups.get(name) as Mutable<GroupView>;
    const members = this.#members(group);
    const families = new Set(members.map(({ model }) => modelFacts(model).family));
    group.models = [...families].map((family): ModelView => {
      const rows = members.filter(({ model }) => modelFacts(model).family === family);
      const chosen = rows.find(({ mac }) => mac === manual);
      const { mac, name, model } = chosen ?? (rows[0] as ApImageRow);
      return {
        family,
        models: [...new Set(rows.map((row) => row.model))],
        primary: { mac, name, model },
        manual: chosen !== undefined,
        warning: null,
        wanCopies: 0,
        wanBytes: 0,
        lanBytes: 0,
        wanWireBytes: 0,
        sessions: 0,
        sessionsPeak: 0,
        sessionsMax: 3,
        serving: [],
      };
    });
  }
}

const noCounts = { None: 0, Initiated: 0, Predownloading: 0, Complete: 0, Failed: 0, NotSupported: 0 };

function image(id: string, release: "primary" | "backup", version: string, model: string, families: readonly string[]): ImageView {
  return {
    id,
    version,
    release,
    models: [model],
    families,
    sizeBytes: imageBytes,
    sha256: id.charCodeAt(0).toString(16).padEnd(64, "0123456789abcdef"),
    md5: id.padEnd(32, "0"),
    fileName: `${families[0]}-k9w8-tar.${version}`,
    addedAt: bootedAt - 3_600_000,
    signature: null,
  };
}
