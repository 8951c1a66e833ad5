/** Orders about FlexConnect groups: members, roles, settings, and their upgrade. */
import { type Result, success } from "../../../base/failure.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { KnownAp } from "../inventory.js";
import type { GroupRecord } from "../records.js";
import { previewRun } from "../run/preview.js";
import { activationObjection, type Desk, type Handlers, peerObjection, withGroup, withIdleGroup } from "./desk.js";
import type { GroupSettingsChange } from "./group-settings.js";
import type { OrderType, SettingOrder } from "./orders.js";
import { refuse } from "./refusals.js";

type GroupOrderType = Exclude<Extract<OrderType, `group-${string}`>, `group-activat${string}`>;
const done = success(null);

/** What an older spelling of `group-set` sets. */
const settingsOf: { readonly [T in SettingOrder["type"]]: (order: SettingOrder & { readonly type: T }) => GroupSettingsChange } = {
  "group-predownload": ({ enabled }) => ({ predownload: enabled }),
  "group-retry-count": ({ retryCount }) => ({ retryCount }),
  "group-backoff": ({ minSeconds, maxSeconds }) => ({ backoffSecondsMin: minSeconds, backoffSecondsMax: maxSeconds }),
  "group-wave2-refetch": ({ enabled }) => ({ wave2Refetch: enabled }),
  "group-wan": ({ wan }) => ({ wan }),
};

export const groupOrders: Handlers<GroupOrderType> = {
  "group-add": ({ groups, activationTable }, { group }) => {
    const added = groups.add(group);
    // Of a former group of that name.
    if (added.ok) activationTable.remove(group);
    return added;
  },
  "group-delete": (desk, { group: name }) =>
    withIdleGroup(desk, name, (group) => {
      if (desk.activationTable.unfinishedOf(name)) return refuse.groupActivating(name);
      desk.groups.delete(group);
      desk.activationTable.remove(name);
      return done;
    }),
  "group-ap-add": (desk, { group: name, mac: text }, now) =>
    withGroup(desk, name, (group) => {
      const mac = desk.groups.addAp(group, text);
      if (!mac.ok) return mac;
      desk.upgrade.enlist(now, mac.value);
      return done;
    }),
  "group-ap-delete": (desk, { group: name, mac: text }, now) =>
    withGroup(desk, name, (group) => {
      const mac = desk.groups.deleteAp(group, text);
      if (!mac.ok) return mac;
      const member = desk.runs.runningOfAp(mac.value);
      if (member && member.run.group !== null) desk.upgrade.abortAp(now, mac.value);
      return done;
    }),
  "group-primary-add": (desk, order) =>
    withMember(desk, order, (group, ap) => desk.groups.addPrimary(group, ap.record.mac, sameFamily(desk, group, ap))),
  "group-primary-remove": (desk, order) => withMember(desk, order, (group, ap) => desk.groups.removePrimary(group, ap.record.mac)),
  "group-subordinate-add": (desk, order) => withMember(desk, order, (group, ap) => desk.groups.addSubordinate(group, ap.record.mac)),
  "group-subordinate-remove": (desk, order) => withMember(desk, order, (group, ap) => desk.groups.removeSubordinate(group, ap.record.mac)),
  "group-set": (desk, { group, settings }) => set(desk, group, settings),
  "group-predownload": (desk, order) => set(desk, order.group, settingsOf[order.type](order)),
  "group-retry-count": (desk, order) => set(desk, order.group, settingsOf[order.type](order)),
  "group-backoff": (desk, order) => set(desk, order.group, settingsOf[order.type](order)),
  "group-wave2-refetch": (desk, order) => set(desk, order.group, settingsOf[order.type](order)),
  "group-wan": (desk, order) => set(desk, order.group, settingsOf[order.type](order)),
  "group-preview": (desk, { group: name, release, link }) =>
    withGroup(desk, name, (group) => {
      const objection = (desk.peer.objection() ?? activationObjection(desk, name))?.failure;
      const { sessionsMax, wan } = desk;
      return success(previewRun({ plan: desk.upgrade.plan(group, release), group, sessionsMax, wan, link, objection }));
    }),
  "group-start": (desk, { group: name, release, force }, now) =>
    withGroup(
      desk,
      name,
      (group) => activationObjection(desk, name) ?? peerObjection(desk, force) ?? desk.upgrade.startGroup(now, group, release),
    ),
  "group-abort": (desk, { group: name }, now) =>
    withGroup(desk, name, () => {
      const run = desk.runs.runningOfGroup(name);
      if (!run) return refuse.noRun(`in group "${name}"`);
      desk.upgrade.abort(now, run);
      return success({ runId: run.id });
    }),
};

/** A running upgrade depends on the feature being on. */
function set(desk: Desk, name: string, change: GroupSettingsChange): ReturnType<typeof withGroup<null>> {
  const find = change.predownload === false ? withIdleGroup<null> : withGroup<null>;
  return find(desk, name, (group) => desk.groups.set(group, change));
}

function withMember(
  desk: Desk,
  { group: name, ap: selector }: { readonly group: string; readonly ap: string },
  then: (group: GroupRecord, ap: KnownAp) => Result<null>,
): ReturnType<typeof withGroup<null>> {
  return withGroup(desk, name, (group) => {
    const ap = desk.inventory.find(selector);
    if (!ap.ok) return ap;
    return group.aps.includes(ap.value.record.mac) ? then(group, ap.value) : refuse.apNotInGroup(ap.value.record.name, name);
  });
}

const sameFamily = ({ inventory, catalogue }: Desk, group: GroupRecord, { record }: KnownAp): ReadonlySet<MacAddress> => {
  const familyOf = (model: string): string => catalogue.familyFor("primary", model).family;
  const family = familyOf(record.model);
  const isSame = (ap: KnownAp | undefined): boolean => ap !== undefined && familyOf(ap.record.model) === family;
  return new Set(group.aps.filter((mac) => isSame(inventory.get(mac))));
};
