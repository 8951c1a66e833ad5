/** Plays an AP's agent on its image files. */
import { createHash, randomBytes } from "node:crypto";
import type { ApInput, BootRecord, BootState, SlotId, SlotImage } from "../../src/core/ap/contract.js";
import type { Disk } from "../../src/runtime/ap/disk.js";
import { ImageFiles } from "../../src/runtime/ap/image-files.js";
import type { TrustedRoot } from "../../src/runtime/ap/image-trust.js";

export const folder = "/flash";
const chunkBytes = 30_000;

export interface TestImage {
  readonly version: string;
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly md5: string;
}

export const makeImage = (version: string, sizeBytes: number): TestImage => {
  const bytes = randomBytes(sizeBytes);
  const digest = (name: string): string => createHash(name).update(bytes).digest("hex");
  return { version, bytes, sha256: digest("sha256"), md5: digest("md5") };
};

const slotImage = ({ version, bytes, sha256, md5 }: TestImage, runId = 7): SlotImage => ({
  version,
  sizeBytes: bytes.length,
  sha256,
  md5,
  runId,
});

type Answer = Extract<
  ApInput,
  { readonly downloadId: number } | { readonly type: "boot-record-saved" | "boot-record-unsaved" | "flash-measured" | "release-checked" }
>;

/** One effect at a time, each until its answer. */
export class Flash {
  readonly answers: Answer[] = [];
  readonly journalsLost: string[] = [];
  readonly fatal: Promise<never>;
  files!: ImageFiles;
  state!: BootState;
  #lastId = 0;
  #told: (() => void) | undefined;
  #fail!: (error: unknown) => void;

  private constructor() {
    this.fatal = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.fatal.catch(() => {});
  }

  static async open(
    disk: Disk,
    options: {
      readonly folder?: string;
      readonly flashBytes?: number;
      readonly factoryVersion?: string;
      readonly trustedRoot?: TrustedRoot;
    } = {},
  ): Promise<Flash> {
    const flash = new Flash();
    const opened = await ImageFiles.open({
      folder,
      flashBytes: undefined,
      factoryVersion: undefined,
      ...options,
      disk,
      deliver: (input) => {
        flash.answers.push(input);
        flash.#told?.();
      },
      onJournalLost: (detail) => flash.journalsLost.push(detail),
      onFatal: (error) => flash.#fail(error),
    });
    flash.files = opened.files;
    flash.state = opened.state;
    return flash;
  }

  async answer<Type extends Answer["type"]>(...types: Type[]): Promise<Extract<Answer, { readonly type: Type }>> {
    for (;;) {
      const at = this.answers.findIndex(({ type }) => (types as string[]).includes(type));
      if (at >= 0) return this.answers.splice(at, 1)[0] as Extract<Answer, { readonly type: Type }>;
      const told = new Promise<void>((resolve) => {
        this.#told = resolve;
      });
      await Promise.race([told, this.fatal]);
    }
  }

  async open({ version, bytes, sha256 }: TestImage, slot: SlotId, resume = true) {
    const downloadId = ++this.#lastId;
    this.files.perform({ type: "open-download", downloadId, slot, version, sizeBytes: bytes.length, sha256, resume });
    return await this.answer("download-opened", "storage-failed");
  }

  /** Writes `bytes` from `offset` on, in chunks; stops at a failure. */
  async write(downloadId: number, bytes: Buffer, offset: number): Promise<void> {
    for (let at = offset; at < bytes.length; at += chunkBytes) {
      this.files.perform({ type: "write-chunk", downloadId, offset: at, bytes: bytes.subarray(at, at + chunkBytes) });
      if ((await this.answer("chunk-written", "storage-failed")).type === "storage-failed") return;
    }
  }

  async verify(downloadId: number) {
    this.files.perform({ type: "verify-download", downloadId });
    return await this.answer("download-verified", "storage-failed");
  }

  async commit(downloadId: number, slot: SlotId, record: BootRecord) {
    this.files.perform({ type: "commit-slot", downloadId, slot, record });
    return await this.answer("slot-committed", "storage-failed");
  }

  async saveRecord(record: BootRecord) {
    this.files.perform({ type: "save-boot-record", record });
    return await this.answer("boot-record-saved", "boot-record-unsaved");
  }

  /** Why an order for the image is refused, "admitted" where it is not. */
  async check(
    { version, bytes, sha256 }: TestImage,
    bundle: Uint8Array | null,
    allowsDowngrade = false,
    inHand: string | null = null,
  ): Promise<string> {
    const image = { version, sha256, sizeBytes: bytes.length };
    this.files.perform({ type: "check-release", checkId: 1, image, bundle, allowsDowngrade, inHand });
    return (await this.answer("release-checked")).refusal?.reason ?? "admitted";
  }

  async measure(): Promise<number> {
    this.files.perform({ type: "measure-flash" });
    return (await this.answer("flash-measured")).freeBytes;
  }

  /** A whole download into `slot`. @returns the record with it, and where it began */
  async fetch(image: TestImage, slot: SlotId, record: BootRecord): Promise<{ record: BootRecord; resumeOffset: number }> {
    const opened = await this.open(image, slot);
    if (opened.type !== "download-opened") throw new Error(opened.detail);
    await this.write(opened.downloadId, image.bytes, opened.resumeOffset);
    const verified = await this.verify(opened.downloadId);
    if (verified.type !== "download-verified" || verified.sha256 !== image.sha256) throw new Error(`not verified: ${verified.type}`);
    const next = { ...record, slots: { ...record.slots, [slot]: slotImage(image) } };
    const committed = await this.commit(opened.downloadId, slot, next);
    if (committed.type === "storage-failed") throw new Error(`${committed.reason}: ${committed.detail}`);
    return { record: next, resumeOffset: opened.resumeOffset };
  }
}
