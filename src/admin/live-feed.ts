/**
 * Keeps what `/events` streams: the views of the controller as last seen, and the changes since. It reads through the port as any client does,
 * at most every `refreshMs`, and only while there are readers.
 */
import type { Instant } from "../base/time.js";
import type { ControllerEvent } from "../core/controller/events.js";
import type { ApImageRow } from "../core/controller/operator/views.js";
import type { LiveChange, LiveSnapshot, LoggedEvent } from "./live.js";
import type { OperatorPort } from "./operator-port.js";

export interface LiveFeedOptions {
  readonly operator: OperatorPort;
  readonly now: () => Instant;
  /** Called with the reason why views could not be read; they are read again. */
  readonly onTrouble: (message: string) => void;
}

/** Shortest time between two looks at the views; bytes move often, eyes do not. */
const refreshMs = 250;
/** Longest pause between reads while there are readers, for changes without an event, such as TFTP sessions. */
const idleRefreshMs = 1000;
/** For readers that come back: as many changes, and no more text than this, for one of a large run is long. */
const changesKept = 500;
const changeCharactersKept = 8 * 2 ** 20;
const eventsKept = 200;
/** A countdown that moved by less is not a change. */
const retryToleranceMs = 1500;

/** A change with its place in the order; `text` is its JSON, made once for all readers. */
export interface NumberedChange {
  readonly number: number;
  readonly text: string;
}

export type FeedReader = (change: NumberedChange) => void;

interface Views {
  readonly aps: ReadonlyMap<string, Row>;
  readonly images: ReadonlyMap<string, Row & { readonly retryAt: Instant | null }>;
  readonly groups: ReadonlyMap<string, Row>;
  readonly catalogue: Row;
  readonly boot: Row;
}

/** A value, the part that decides whether it changed, and that as text. */
interface Row {
  readonly value: Fields;
  readonly compared: Fields;
  readonly text: string;
}
type Fields = Readonly<Record<string, unknown>>;

export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #readers = new Set<FeedReader>();
  readonly #changes: NumberedChange[] = [];
  #changeCharacters = 0;
  readonly #events: LoggedEvent[] = [];
  #newEvents: LoggedEvent[] = [];
  #views: Views | undefined;
  #number = 0;
  #timer: NodeJS.Timeout | undefined;
  #dueAt: Instant = Number.POSITIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  #lookedAt: Instant = Number.NEGATIVE_INFINITY;
  #snapshot: { readonly number: number; readonly text: string } | undefined;
  #closed = false;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  /** An event of the controller: something may look different now. */
  note(event: ControllerEvent): void {
    if (event.type !== "ap-progress" && event.type !== "ap-bytes" && event.type !== "datagram-dropped") {
      const logged = { at: this.#options.now(), event };
      this.#events.push(logged);
      if (this.#events.length > eventsKept) this.#events.shift();
      this.#newEvents.push(logged);
      if (this.#newEvents.length > eventsKept) this.#newEvents.shift();
    }
    if (this.#readers.size > 0) this.#refreshIn(refreshMs);
  }

  /** Everything as of the change with the returned number. */
  async snapshot(): Promise<NumberedChange> {
    await this.#refresh();
    if (this.#snapshot?.number !== this.#number) this.#snapshot = { number: this.#number, text: JSON.stringify(this.#wholeView()) };
    return this.#snapshot;
  }

  /** The changes after `number`, or undefined if they are no longer kept. */
  async changesAfter(number: number): Promise<readonly NumberedChange[] | undefined> {
    await this.#refresh();
    const first = this.#changes[0]?.number ?? this.#number + 1;
    return number > this.#number || number < first - 1 ? undefined : this.#changes.filter((change) => change.number > number);
  }

  /** Every change from now on. @returns how to end it */
  follow(reader: FeedReader): () => void {
    this.#readers.add(reader);
    this.#refreshIn(refreshMs);
    return () => {
      this.#readers.delete(reader);
      if (this.#readers.size === 0) this.#rest();
    };
  }

  close(): void {
    this.#closed = true;
    this.#readers.clear();
    this.#rest();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  #refreshIn(ms: number): void {
    const at = this.#options.now() + ms;
    if (this.#closed || at >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = at;
    this.#timer = setTimeout(async () => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      await this.#refresh();
      if (this.#readers.size > 0) this.#refreshIn(this.#newEvents.length > 0 ? refreshMs : idleRefreshMs);
    }, ms);
  }

  /** One read at a time, and none right after another: simultaneous readers get the first one's result, and soon the change. */
  #refresh(): Promise<void> {
    if (this.#options.now() - this.#lookedAt < refreshMs) return this.#refreshing ?? Promise.resolve();
    this.#refreshing ??= this.#look().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #look(): Promise<void> {
    const views = await this.#readViews();
    this.#lookedAt = this.#options.now();
    if (views === undefined || this.#closed) return;
    const change = this.#difference(views);
    const first = this.#views === undefined;
    this.#views = views;
    // Nothing exists from before the first read: a snapshot is the only possible answer.
    if (first) this.#number++;
    if (first || Object.keys(change).length === 0) return;
    const numbered = { number: ++this.#number, text: JSON.stringify({ now: this.#options.now(), ...change } satisfies LiveChange) };
    this.#keep(numbered);
    for (const reader of this.#readers) reader(numbered);
  }

  #keep(change: NumberedChange): void {
    this.#changes.push(change);
    this.#changeCharacters += change.text.length;
    while (this.#changes.length > changesKept || (this.#changeCharacters > changeCharactersKept && this.#changes.length > 1))
      this.#changeCharacters -= this.#changes.shift()?.text.length ?? 0;
  }

  #difference(views: Views): Omit<LiveChange, "now"> {
    const before = this.#views;
    const events = this.#newEvents;
    this.#newEvents = [];
    const changed = (view: "aps" | "images" | "groups", key: string) =>
      [...views[view]].flatMap(([name, row]) => {
        const known = before?.[view].get(name);
        return known?.text === row.text ? [] : [known === undefined ? row.value : changedFields(known, row, key)];
      });
    const gone = (view: "aps" | "groups") => nonEmpty([...(before?.[view].keys() ?? [])].filter((name) => !views[view].has(name)));
    const change: Record<keyof Omit<LiveChange, "now">, unknown> = {
      aps: nonEmpty(changed("aps", "mac")),
      images: nonEmpty(changed("images", "mac")),
      apsGone: gone("aps"),
      groups: nonEmpty(changed("groups", "name")),
      groupsGone: gone("groups"),
      catalogue: before?.catalogue.text === views.catalogue.text ? undefined : views.catalogue.value,
      boot: before?.boot.text === views.boot.text ? undefined : views.boot.value,
      events: nonEmpty(events),
    };
    return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  }

  async #readViews(): Promise<Views | undefined> {
    const { operator, onTrouble } = this.#options;
    const [aps, images, summary, catalogue, boot] = await Promise.all([
      operator.order({ type: "show-ap-summary" }),
      operator.order({ type: "show-ap-image", ap: "all" }),
      operator.order({ type: "show-group-summary" }),
      operator.order({ type: "show-images" }),
      operator.order({ type: "show-boot" }),
    ]);
    for (const answer of [aps, images, summary, catalogue, boot]) if (!answer.ok) onTrouble(answer.failure.message);
    if (!aps.ok || !images.ok || !summary.ok || !catalogue.ok || !boot.ok) return undefined;
    const groups = await Promise.all(summary.value.map(({ name }) => operator.order({ type: "show-group", group: name })));
    return {
      aps: new Map(aps.value.map((row) => [row.mac, rowOf(row)])),
      images: new Map(images.value.aps.map((row) => [row.mac, this.#imageRow(row)])),
      // A group may go between the two questions; the next look will not have it.
      groups: new Map(groups.flatMap((answer) => (answer.ok ? [[answer.value.name, rowOf(answer.value)]] : []))),
      catalogue: rowOf(catalogue.value),
      boot: rowOf(boot.value),
    };
  }

  #imageRow(row: ApImageRow): Row & { retryAt: Instant | null } {
    const counted = row.nextRetrySeconds === null ? null : this.#options.now() + row.nextRetrySeconds * 1000;
    const before = this.#views?.images.get(row.mac)?.retryAt ?? null;
    const same = counted !== null && before !== null && Math.abs(counted - before) < retryToleranceMs;
    const retryAt = same ? before : counted;
    return { ...rowOf(row, { ...row, nextRetrySeconds: retryAt }), retryAt };
  }

  #wholeView(): LiveSnapshot {
    const values = <T>(rows: ReadonlyMap<string, Row> | undefined): T[] => [...(rows?.values() ?? [])].map(({ value }) => value as T);
    const views = this.#views;
    return {
      now: this.#options.now(),
      aps: values(views?.aps),
      images: values(views?.images),
      groups: values(views?.groups),
      catalogue: (views?.catalogue.value as unknown as LiveSnapshot["catalogue"] | undefined) ?? [],
      boot: (views?.boot.value as unknown as LiveSnapshot["boot"] | undefined) ?? { primary: null, backup: null },
      events: this.#events,
    };
  }
}

const rowOf = (value: object, compared = value): Row => ({
  value: value as Fields,
  compared: compared as Fields,
  text: JSON.stringify(compared),
});

/** The row's key and what differs. */
const changedFields = (before: Row, after: Row, key: string): Fields =>
  Object.fromEntries(
    Object.entries(after.value).filter(
      ([name]) => name === key || JSON.stringify(before.compared[name]) !== JSON.stringify(after.compared[name]),
    ),
  );
const nonEmpty = <T>(all: readonly T[]): readonly T[] | undefined => (all.length === 0 ? undefined : all);
