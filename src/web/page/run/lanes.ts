/** A run arranged for the picture: one lane per image family, each of its APs in exactly one place. */
import type { GroupView, ModelView } from "../../../core/controller/operator/views.js";
import type { Ap } from "../state/ap.js";

export interface Lane {
  readonly model: ModelView;
  /** The AP that fetches over the WAN and serves the others; undefined until one is elected. */
  readonly primary: Ap | undefined;
  /** One entry per TFTP session that the primary allows, undefined where it is free. */
  readonly slots: readonly (Served | undefined)[];
  /** Backed off or not yet asked; soonest try first, those without a planned try last. */
  readonly waiting: readonly Ap[];
  /** Out of tries, fetching from the controller. */
  readonly overWan: readonly Ap[];
  readonly done: readonly Ap[];
  readonly failed: readonly Ap[];
}

export interface Served {
  readonly ap: Ap | undefined;
  /** The AP's name, or its address while the controller does not know the name. */
  readonly name: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export function lanesOf(group: GroupView, aps: ReadonlyMap<string, Ap>): readonly Lane[] {
  const members = group.aps.flatMap(({ mac }) => aps.get(mac) ?? []);
  return group.models.map((model) =>
    laneOf(
      model,
      members.filter(({ summary }) => summary.family === model.family),
      aps,
    ),
  );
}

function laneOf(model: ModelView, members: readonly Ap[], aps: ReadonlyMap<string, Ap>): Lane {
  const primary = model.primary === null ? undefined : aps.get(model.primary.mac);
  const servedNow = new Set(model.serving.map(({ mac }) => mac));
  const imageBytes = Math.max(0, ...members.map(({ images }) => images?.bytesTotal ?? 0));
  const places = { waiting: [] as Ap[], overWan: [] as Ap[], done: [] as Ap[], failed: [] as Ap[] };
  for (const ap of members) {
    const place = ap === primary || servedNow.has(ap.summary.mac) ? undefined : placeOf(ap);
    if (place !== undefined) places[place].push(ap);
  }
  places.waiting.sort((a, b) => (a.retryAt ?? Number.POSITIVE_INFINITY) - (b.retryAt ?? Number.POSITIVE_INFINITY) || byName(a, b));
  for (const place of [places.overWan, places.done, places.failed]) place.sort(byName);
  const served = model.serving.map(({ mac, name, address, bytesDone }): Served => {
    const ap = mac === null ? undefined : aps.get(mac);
    return { ap, name: name ?? address, bytesDone, bytesTotal: ap?.images?.bytesTotal || imageBytes };
  });
  const free = Math.max(0, model.sessionsMax - served.length);
  return { model, primary, slots: [...served, ...new Array<undefined>(free).fill(undefined)], ...places };
}

function placeOf({ images }: Ap): "waiting" | "overWan" | "done" | "failed" | undefined {
  switch (images?.status) {
    case "Complete":
      return "done";
    case "Failed":
    case "NotSupported":
      return "failed";
    case "Initiated":
    case "Predownloading":
      return images.role === "subordinateCentral" ? "overWan" : "waiting";
    default:
      return undefined;
  }
}

const collator = new Intl.Collator("en", { numeric: true });
const byName = (a: Ap, b: Ap): number => collator.compare(a.summary.name, b.summary.name);
