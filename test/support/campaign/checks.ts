/** What must hold once a round is over and everything is up again. Each check says what it found wrong, nothing where all is well. */
import type { ApImageRow } from "../../../src/core/controller/operator/views.js";
import type { DaemonProcess } from "../../../src/daemon/process.js";
import type { ApNode, Branch } from "./branch.js";

/** What an AP runs when a round begins. */
export interface Running {
  readonly version: string;
  readonly sha256: string;
  /** The process that runs it. */
  readonly daemon: DaemonProcess;
  /** It was swapped: the next boot is of the other slot, which leaves this image to be replaced. */
  readonly isSwapped: boolean;
}

const rowOf = (rows: readonly ApImageRow[], { plan }: ApNode): ApImageRow => {
  const row = rows.find(({ mac }) => mac === plan.mac);
  if (row === undefined) throw new Error(`the controller has forgotten ${plan.name}`);
  return row;
};

export async function runningImages(branch: Branch): Promise<ReadonlyMap<ApNode, Running>> {
  const rows = await branch.summary();
  return new Map(
    branch.aps.flatMap((ap) => {
      const running = rows.find(({ mac }) => mac === ap.plan.mac)?.runningVersion;
      const { bootSlot, slots } = branch.bootRecord(ap);
      const image = Object.values(slots).find((slot) => slot?.version === running);
      if (!image) return [];
      const { version, sha256 } = image;
      return [[ap, { version, sha256, daemon: ap.daemon, isSwapped: slots[bootSlot] !== image }]];
    }),
  );
}

/** The image that an AP runs is still on its disk, byte for byte. */
export function runningUntouched(branch: Branch, before: ReadonlyMap<ApNode, Running>): string[] {
  return [...before].flatMap(([ap, { version, sha256, daemon, isSwapped }]) => {
    const bootedTheOther = isSwapped && ap.daemon !== daemon;
    return bootedTheOther || branch.storedImages(ap).has(sha256) ? [] : [`${ap.name} ran ${version} and no longer has it`];
  });
}

/** `Complete` means that the image is on the AP's disk. */
export function completeIsHeld(branch: Branch, rows: readonly ApImageRow[], sha256: string, version: string): string[] {
  return branch.aps.flatMap((ap) => {
    const row = rowOf(rows, ap);
    const isCalledComplete = row.status === "Complete" && row.version === version;
    return isCalledComplete && !branch.storedImages(ap).has(sha256) ? [`${ap.name} is Complete without ${version} on its disk`] : [];
  });
}

export const failuresHaveReasons = (rows: readonly ApImageRow[]): string[] =>
  rows.flatMap(({ name, status, failureReason }) =>
    status === "Failed" && failureReason === null ? [`${name} failed without a reason`] : [],
  );

/** Both images of each AP, as the controller lists them, are those of the AP's boot record and on its disk. */
export function recordsEqualDisks(branch: Branch, rows: readonly ApImageRow[]): string[] {
  return branch.aps.flatMap((ap) => {
    const { bootSlot, slots } = branch.bootRecord(ap);
    const stored = branch.storedImages(ap);
    const versionOf = (slot: "a" | "b"): string => {
      const image = slots[slot];
      return image !== null && stored.has(image.sha256) ? image.version : "0.0.0.0";
    };
    const held = [versionOf(bootSlot), versionOf(bootSlot === "a" ? "b" : "a")].join(" and ");
    const { primaryImage, backupImage } = rowOf(rows, ap);
    const listed = `${primaryImage} and ${backupImage}`;
    return listed === held ? [] : [`${ap.name} holds ${held}, the controller lists ${listed}`];
  });
}
