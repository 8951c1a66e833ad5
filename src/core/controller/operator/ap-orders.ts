/** Orders to APs: predownload, swap, reset. */
import { success } from "../../../base/failure.js";
import type { KnownAp } from "../inventory.js";
import { isTakingPart } from "../run/run.js";
import { activationObjection, type Desk, type Handlers, isInRun, later, peerObjection } from "./desk.js";
import type { Order, OrderType } from "./orders.js";
import { refuse } from "./refusals.js";

export const apOrders: Handlers<Extract<OrderType, `ap-${string}`>> = {
  "ap-predownload": (desk, order, now) =>
    peerObjection(desk, order.force) ?? (order.ap === "all" ? predownloadAll(desk, order, now) : predownloadOne(desk, order, now)),
  "ap-predownload-abort": (desk, { ap }, now) => (ap === "all" ? abortAll(desk, now) : abortOne(desk, ap, now)),
  "ap-swap": (desk, { ap, force = false }, now, requestId) =>
    act(desk, ap, (aps, single) => desk.acts.swap(now, requestId, aps, single, force)),
  "ap-reset": (desk, { ap }, now, requestId) => act(desk, ap, (aps, single) => desk.acts.reset(now, requestId, aps, single)),
  "ap-forget": (desk, { ap: selector }) => {
    const found = desk.inventory.findAbsent(selector);
    if (!found.ok) return found;
    const { mac, name } = found.value.record;
    if (isInRun(desk, found.value)) return refuse.apBusy(name);
    const group = desk.groups.of(mac);
    if (group) desk.groups.deleteAp(group, mac);
    desk.inventory.forget(mac);
    desk.acts.forget(mac);
    return success(null);
  },
};

type Predownload = Order & { readonly type: "ap-predownload" };

const predownloadOne = ((desk, { ap: selector, release }: Predownload, now) => {
  const found = desk.inventory.find(selector);
  if (!found.ok) return found;
  const ap = found.value;
  if (!ap.session) return refuse.apNotJoined(ap.record.name);
  if (isInRun(desk, ap)) return refuse.apBusy(ap.record.name);
  const group = desk.groups.of(ap.record.mac);
  const objection = group && activationObjection(desk, group.name);
  if (objection) return objection;
  const started = group?.predownload ? desk.upgrade.startOne(now, group, ap, release) : desk.upgrade.startOverWan(now, [ap], release);
  return started.ok ? success({ runIds: [started.value.runId], apCount: 1 }) : started;
}) satisfies Handlers["ap-predownload"];

const predownloadAll = ((desk, { release }: Predownload, now) => {
  const isActivating = ({ record }: KnownAp): boolean => {
    const group = desk.groups.of(record.mac);
    return group !== undefined && activationObjection(desk, group.name) !== undefined;
  };
  const free = desk.inventory.all().filter((ap) => ap.session && !isInRun(desk, ap) && !isActivating(ap));
  if (free.length === 0) return refuse.noJoinedAps("that is free");
  const overWan = free.filter(({ record }) => !desk.groups.of(record.mac)?.predownload);
  const sharing = new Set(free.flatMap(({ record }) => desk.groups.of(record.mac) ?? []).filter((group) => group.predownload));
  const started = [
    ...(overWan.length > 0 ? [desk.upgrade.startOverWan(now, overWan, release)] : []),
    ...[...sharing].map((group) => desk.upgrade.startGroup(now, group, release)),
  ];
  const runIds = started.flatMap((result) => (result.ok ? [result.value.runId] : []));
  const refused = started.find((result) => !result.ok);
  if (runIds.length === 0 && refused) return refused;
  const apCount = runIds.reduce((sum, id) => sum + (desk.runs.get(id)?.members.size ?? 0), 0);
  return success({ runIds, apCount });
}) satisfies Handlers["ap-predownload"];

function abortAll({ runs, upgrade }: Desk, now: number) {
  const running = runs.running();
  if (running.length === 0) return refuse.noRun("on this controller");
  let apCount = 0;
  for (const run of running) {
    for (const member of run.members.values()) if (isTakingPart(member)) apCount++;
    upgrade.abort(now, run);
  }
  return success({ apCount });
}

function abortOne(desk: Desk, selector: string, now: number) {
  const found = desk.inventory.find(selector);
  if (!found.ok) return found;
  const { mac, name } = found.value.record;
  if (!isInRun(desk, found.value)) return refuse.noRun(`on AP ${name}`);
  desk.upgrade.abortAp(now, mac);
  return success({ apCount: 1 });
}

function act({ inventory }: Desk, selector: string, start: (aps: readonly KnownAp[], single: boolean) => void) {
  if (selector === "all") {
    const joined = inventory.all().filter(({ session }) => session);
    if (joined.length === 0) return refuse.noJoinedAps("at all");
    start(joined, false);
    return later;
  }
  const found = inventory.find(selector);
  if (!found.ok) return found;
  if (!found.value.session) return refuse.apNotJoined(found.value.record.name);
  start([found.value], true);
  return later;
}
