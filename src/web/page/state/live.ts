/**
 * The controller's state as this page holds it: filled by the event stream's snapshot, updated by its changes. Rows are replaced, never
 * mutated, so that a component sees by identity whether its part changed. Listeners are notified at most once per frame.
 */
import { useEffect, useReducer, useRef } from "preact/hooks";
import type { ChangedRow, LiveChange, LiveSnapshot, LoggedEvent } from "../../../admin/live.js";
import type { ApImageRow, ApSummaryRow, BootView, GroupView, ImageView } from "../../../core/controller/operator/views.js";
import type { Ap } from "./ap.js";
import { request } from "./api.js";
import { SmoothedRate } from "./smoothed-rate.js";

export interface LiveState {
  readonly connection: "connecting" | "live" | "lost";
  readonly aps: ReadonlyMap<string, Ap>;
  readonly groups: ReadonlyMap<string, GroupView>;
  readonly catalogue: readonly ImageView[];
  readonly boot: BootView;
  /** Newest last. */
  readonly events: readonly LoggedEvent[];
  /** The controller's clock minus this page's, ms. */
  readonly clockOffsetMs: number;
}

const eventsKept = 500;
const empty: LiveState = {
  connection: "connecting",
  aps: new Map(),
  groups: new Map(),
  catalogue: [],
  boot: { primary: null, backup: null },
  events: [],
  clockOffsetMs: 0,
};

let state = empty;
let isPainted = true;
const readers = new Set<() => void>();
const meters = new Map<string, { wan: SmoothedRate; lan: SmoothedRate }>();

export const liveState = (): LiveState => state;

function replace(next: LiveState): void {
  state = next;
  if (!isPainted) return;
  isPainted = false;
  requestAnimationFrame(() => {
    isPainted = true;
    for (const reader of readers) reader();
  });
}

/** The controller's clock now. */
export const controllerNow = (): number => Date.now() + state.clockOffsetMs;

export function useLive<Part>(select: (state: LiveState) => Part): Part {
  const [, again] = useReducer((count: number) => count + 1, 0);
  const part = select(state);
  const last = useRef({ select, part });
  last.current = { select, part };
  useEffect(() => {
    const reader = (): void => {
      if (!Object.is(last.current.select(state), last.current.part)) again(undefined);
    };
    reader();
    readers.add(reader);
    return () => {
      readers.delete(reader);
    };
  }, []);
  return part;
}

/** Bytes per second that an AP receives over each path. */
export function apRates(mac: string): { wan: number; lan: number } {
  const pair = meters.get(mac);
  const now = Date.now();
  return { wan: pair?.wan.bytesPerSecond(now) ?? 0, lan: pair?.lan.bytesPerSecond(now) ?? 0 };
}

function measure(row: ApImageRow, at: number): void {
  let pair = meters.get(row.mac);
  if (pair === undefined) {
    pair = { wan: new SmoothedRate(), lan: new SmoothedRate() };
    meters.set(row.mac, pair);
  }
  pair.wan.report(row.wanBytes, at);
  pair.lan.report(row.lanBytes, at);
}

/** A new row comes in full: nothing is known of it yet, and all fields are present. */
const mergeRow = <Row, Key extends keyof Row>(known: Row | undefined, changed: ChangedRow<Row, Key>): Row =>
  ({ ...known, ...changed }) as Row;

function mergeAps(
  known: ReadonlyMap<string, Ap>,
  summaries: readonly ChangedRow<ApSummaryRow, "mac">[],
  rows: readonly ChangedRow<ApImageRow, "mac">[],
  gone: readonly string[] = [],
): ReadonlyMap<string, Ap> {
  if (summaries.length === 0 && rows.length === 0 && gone.length === 0) return known;
  const now = Date.now();
  const merged = new Map(known);
  for (const mac of gone) merged.delete(mac);
  for (const changed of summaries) {
    const ap = merged.get(changed.mac);
    merged.set(changed.mac, { images: undefined, retryAt: null, ...ap, summary: mergeRow(ap?.summary, changed) });
  }
  for (const changed of rows) {
    const ap = merged.get(changed.mac);
    if (ap === undefined) continue;
    const images = mergeRow(ap.images, changed);
    measure(images, now);
    merged.set(changed.mac, { ...ap, images, retryAt: retryAt(changed.nextRetrySeconds, ap.retryAt, now) });
  }
  return merged;
}

/** A countdown that merely continues is not sent again. */
const retryAt = (seconds: number | null | undefined, before: number | null, now: number): number | null =>
  seconds === undefined ? before : seconds === null ? null : now + seconds * 1000;

export function takeSnapshot(snapshot: LiveSnapshot): void {
  replace({
    connection: "live",
    aps: mergeAps(new Map(), snapshot.aps, snapshot.images),
    groups: new Map(snapshot.groups.map((group) => [group.name, group])),
    catalogue: snapshot.catalogue,
    boot: snapshot.boot,
    events: snapshot.events,
    clockOffsetMs: snapshot.now - Date.now(),
  });
}

export function takeChange(change: LiveChange): void {
  let groups = state.groups;
  if (change.groups !== undefined || change.groupsGone !== undefined) {
    const next = new Map(groups);
    for (const name of change.groupsGone ?? []) next.delete(name);
    for (const group of change.groups ?? []) next.set(group.name, mergeRow(next.get(group.name), group));
    groups = next;
  }
  replace({
    connection: "live",
    aps: mergeAps(state.aps, change.aps ?? [], change.images ?? [], change.apsGone),
    groups,
    catalogue: change.catalogue ?? state.catalogue,
    boot: change.boot ?? state.boot,
    events: change.events === undefined ? state.events : [...state.events, ...change.events].slice(-eventsKept),
    clockOffsetMs: change.now - Date.now(),
  });
}

/** Pause between two requests to a controller that does not answer. */
const askAgainMs = 3000;

/**
 * Takes a snapshot, opens the stream where it ends and keeps it open; the browser itself resumes after a short loss with Last-Event-ID.
 * The snapshot is a response of its own because responses are compressed and streams are not.
 * @param onRefused the stream was refused, as happens when the login has ended
 * @returns how to close it
 */
export function followController(address: string, onRefused: () => void): () => void {
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  const begin = async (): Promise<void> => {
    const begun = await request<{ readonly id: string; readonly snapshot: LiveSnapshot }>("GET", `${address}/snapshot`);
    if (closed) return;
    if (begun.ok) {
      takeSnapshot(begun.value.snapshot);
      source = openStream(`${address}?after=${begun.value.id}`, () => {
        onRefused();
        // An ended login closes all this; a proxy that briefly lost its controller does not.
        retry = setTimeout(begin, askAgainMs);
      });
    } else if (begun.failure.code !== "not-logged-in") {
      replace({ ...state, connection: "lost" });
      retry = setTimeout(begin, askAgainMs);
    }
  };
  void begin();
  return () => {
    closed = true;
    clearTimeout(retry);
    source?.close();
  };
}

/** @param onRefused called when the browser will not retry by itself */
function openStream(address: string, onRefused: () => void): EventSource {
  const source = new EventSource(address);
  // A stream that resumes may have nothing new.
  source.addEventListener("open", () => {
    if (state.connection === "lost") replace({ ...state, connection: "live" });
  });
  source.addEventListener("snapshot", (event) => takeSnapshot(JSON.parse(event.data) as LiveSnapshot));
  source.addEventListener("change", (event) => takeChange(JSON.parse(event.data) as LiveChange));
  source.addEventListener("error", () => {
    replace({ ...state, connection: "lost" });
    if (source.readyState === EventSource.CLOSED) onRefused();
  });
  return source;
}
