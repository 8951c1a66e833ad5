/** What an operator does in mid-run. Whatever it is, the controller answers, and never with a fault of its own. */
import type { Result } from "../../../src/base/failure.js";
import type { Branch } from "./branch.js";
import { groupName } from "./branch.js";

interface Act {
  /** The run may end without an image for some AP. */
  readonly mayFail?: true;
  /** An AP may boot another slot than it ran. */
  readonly reboots?: true;
  readonly run: (branch: Branch, ap: string) => Promise<Result<unknown>>;
}

export const acts = {
  abort: { mayFail: true, run: ({ admin }) => admin.order({ type: "group-abort", group: groupName }) },
  "abort-and-start": {
    mayFail: true,
    run: async ({ admin }) => {
      await admin.order({ type: "group-abort", group: groupName });
      return admin.order({ type: "group-start", group: groupName, release: "primary" });
    },
  },
  "start-again": { run: ({ admin }) => admin.order({ type: "group-start", group: groupName, release: "primary" }) },
  swap: { reboots: true, run: ({ admin }) => admin.order({ type: "ap-swap", ap: "all" }) },
  reset: { reboots: true, run: ({ admin }, ap) => admin.order({ type: "ap-reset", ap }) },
  "remove-image": {
    mayFail: true,
    run: async ({ admin }) => {
      const images = await admin.order({ type: "show-images" });
      if (!images.ok) return images;
      const image = images.value.findLast(({ release }) => release === "primary");
      return image === undefined ? images : admin.order({ type: "image-remove", imageId: image.id });
    },
  },
  "leave-and-join-group": {
    mayFail: true,
    run: async ({ admin }, ap) => {
      const row = await admin.order({ type: "show-ap-image", ap });
      if (!row.ok) return row;
      const mac = row.value.aps[0]?.mac ?? "";
      const left = await admin.order({ type: "group-ap-delete", group: groupName, mac });
      return left.ok ? admin.order({ type: "group-ap-add", group: groupName, mac }) : left;
    },
  },
  "fewer-tries": { run: ({ admin }) => admin.order({ type: "group-retry-count", group: groupName, retryCount: 2 }) },
  "other-primary": { run: ({ admin }, ap) => admin.order({ type: "group-primary-add", group: groupName, ap }) },
} satisfies Readonly<Record<string, Act>>;

export type ActName = keyof typeof acts;
export const actNames = Object.keys(acts) as readonly ActName[];
export const actOf = (name: ActName): Act => acts[name];
