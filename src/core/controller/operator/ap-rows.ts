/** `show ap image` and `show ap summary`: a row for each AP. */
import type { MacAddress } from "../../../base/mac-address.js";
import { oneWord } from "../../../base/one-word.js";
import type { Instant } from "../../../base/time.js";
import { emptyVersion } from "../../upgrade/limits.js";
import type { KnownAp } from "../inventory.js";
import { wanBytesOf, wanWireBytesOf } from "../run/run.js";
import { isTransferring, noCounts, paceOf, predownloadRole, reasonOf, statusOf } from "./member-status.js";
import type { ViewParts } from "./view-parts.js";
import type { ApImageRow, ApImageView, ApSummaryRow } from "./views.js";

/** @param areAll whether `aps` are all that the controller knows */
export function apImages(now: Instant, parts: ViewParts, aps: readonly KnownAp[], areAll: boolean): ApImageView {
  const rows = aps.map((ap) => apImageRow(now, parts, ap));
  const counts = noCounts();
  const joined = rows.filter((row) => row.joined);
  for (const { status } of joined) counts[status]++;
  const shown = new Set(aps.map(({ record }) => record.mac));
  const isShown = (mac: MacAddress): boolean => shown.has(mac);
  // An AP that never was in Run has no row yet.
  const isNew = (mac: MacAddress): boolean => areAll && parts.inventory.get(mac) === undefined;
  return {
    total: joined.length,
    counts: {
      initiated: counts.Initiated,
      downloading: [...parts.downloadsAtJoin.keys()].filter((mac) => isShown(mac) || isNew(mac)).length,
      predownloading: counts.Predownloading,
      completedPredownloading: counts.Complete,
      notSupported: counts.NotSupported,
      failedToPredownload: counts.Failed,
    },
    aps: rows,
  };
}

export function apSummary({ inventory, groups, acts }: ViewParts): ApSummaryRow[] {
  return inventory.all().map(({ record, family, session }) => {
    const reset = acts.resetOf(record.mac);
    return {
      name: record.name,
      mac: record.mac,
      model: record.model,
      family,
      address: session?.peer.address ?? null,
      group: groups.of(record.mac)?.name ?? null,
      state: session ? "Joined" : "Not Joined",
      runningVersion: record.runningVersion,
      joinedAt: record.joinedAt,
      lastSeenAt: inventory.lastSeenAt(record),
      serial: record.serial,
      link: session?.link ?? null,
      signature: session && (session.signedOnly ? "required" : "unsigned"),
      reset: reset ? { version: reset.version, state: reset.state } : null,
    };
  });
}

function apImageRow(now: Instant, { runs, groups, inventory, lostImages }: ViewParts, { record, session }: KnownAp): ApImageRow {
  const member = runs.latestOfAp(record.mac);
  const isLost = member?.state.phase === "complete" && lostImages.has(record.mac);
  const image = member?.family.image ?? null;
  const started = member !== undefined && member.state.phase !== "aborted" && image !== null;
  const nextRetryAt = member?.heard.nextRetryAt ?? null;
  return {
    name: oneWord(record.name),
    mac: record.mac,
    model: record.model,
    group: groups.of(record.mac)?.name ?? null,
    joined: session !== null,
    lastSeenAt: inventory.lastSeenAt(record),
    role: started ? predownloadRole(member) : null,
    // Without our inventory only the running version is known.
    primaryImage: (record.slots ? record.slots.primary.version : record.runningVersion) || emptyVersion,
    backupImage: record.slots?.backup.version || emptyVersion,
    status: isLost ? "Failed" : member ? statusOf(member) : "None",
    version: started ? image.version : null,
    nextRetrySeconds: nextRetryAt === null ? null : Math.max(0, Math.ceil((nextRetryAt - now) / 1000)),
    retryCount: started && member.run.group !== null ? member.tries : null,
    source: member?.source ?? null,
    wanBytes: member ? wanBytesOf(member) : 0,
    lanBytes: member?.lanBytes ?? 0,
    failureReason: isLost ? "image-unknown" : member ? reasonOf(member) : null,
    bytesDone: member?.state.phase === "complete" && !isLost ? (image?.sizeBytes ?? 0) : started ? member.heard.bytesDone : 0,
    bytesTotal: started ? image.sizeBytes : 0,
    ...(started && isTransferring(member) ? paceOf(now, member, image.sizeBytes) : { bytesPerSecond: null, secondsLeft: null }),
    wanWireBytes: member ? wanWireBytesOf(member) : 0,
  };
}
