/** The branch that the demo upgrades: who is in it, and what they run before and after. */

import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sha256Hex } from "../../base/sha256.js";

export const versions = { before: "8.5.161.0", after: "8.10.183.0" } as const;
export const groupName = "branch-1";
const imageBytes = 8 * 1024 * 1024;

export interface DemoAp {
  readonly name: string;
  readonly mac: string;
  readonly model: string;
  /** A loopback address of its own, as if it were a host of its own. */
  readonly address: string;
}

/** Six APs of one model, so that its primary has more subordinates than slots; the 2802 is a Wave 2 AP. */
const models = [
  { model: "AIR-AP2802I", count: 6 },
  { model: "AIR-CAP3702I", count: 3 },
  { model: "AIR-CAP1602I", count: 3 },
] as const;

export const aps: readonly DemoAp[] = models
  .flatMap(({ model, count }) => Array.from({ length: count }, () => model))
  .map((model, index) => {
    const number = index + 1;
    return {
      name: `AP${String(number).padStart(2, "0")}`,
      mac: `00:00:5e:00:53:${number.toString(16).padStart(2, "0")}`,
      model,
      address: `127.77.0.${number}`,
    };
  });

export interface DemoImage {
  readonly model: string;
  readonly path: string;
  readonly sha256: Sha256Hex;
}

/** One image file a model, of random bytes. */
export async function makeImages(folder: string): Promise<DemoImage[]> {
  return Promise.all(
    models.map(async ({ model }) => {
      const content = randomBytes(imageBytes);
      const path = join(folder, `${model}-${versions.after}.img`);
      await writeFile(path, content);
      return { model, path, sha256: createHash("sha256").update(content).digest("hex") };
    }),
  );
}
