/**
 * A small JSON file that holds the last saved value or the one before, never a mixture: temporary file in the
 * same folder, fsync, rename, fsync of the folder. A digest inside tells damage by the medium from a good file.
 */
import { createHash } from "node:crypto";
import { basename, dirname } from "node:path";
import { shapeFaultText } from "../../base/shape.js";
import type { Disk, DiskFile } from "./disk.js";
import { isAbsent, isUnreadable } from "./storage-failure.js";
import { apFormat, type StoredFile } from "./stored-files.js";

/** The temporary file's ending; whoever opens the folder removes leftovers. */
export const unsavedEnding = ".new";

/** A whole file that this version of flexup does not understand. The message names it and the field. */
export class UnknownFormatError extends Error {}

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Resolves when `value` is lasting under `path`. */
export async function saveSealedJson(disk: Disk, path: string, value: object): Promise<void> {
  const content = JSON.stringify({ format: apFormat, ...value });
  await saveBytes(disk, path, Buffer.from(`{"sha256":"${digestOf(content)}","content":${content}}\n`));
}

/** Resolves when `bytes` are lasting under `path`. */
export async function saveBytes(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path + unsavedEnding, "create");
  try {
    await file.write([bytes], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(path + unsavedEnding, path);
  await disk.syncFolder(dirname(path));
}

/**
 * The value, `absent` without a file, or `damaged` when the file cannot be read or its digest is wrong.
 * @throws UnknownFormatError for a whole file of another format or shape
 */
export async function loadSealedJson<Value>(
  disk: Disk,
  path: string,
  { shape, since }: StoredFile<Value>,
): Promise<{ readonly value: Value } | "absent" | "damaged"> {
  let text: string | undefined;
  try {
    text = await readText(disk, path);
  } catch (error) {
    if (isUnreadable(error)) return "damaged";
    throw error;
  }
  if (text === undefined) return "absent";
  const match = /^\{"sha256":"([0-9a-f]{64})","content":(\{.*\})\}\n$/s.exec(text);
  if (match === null || match[1] !== digestOf(match[2] as string)) return "damaged";
  const { format = 1, ...value } = JSON.parse(match[2] as string);
  if (format > apFormat) {
    throw new UnknownFormatError(`${basename(path)} has format ${format}, newer than this flexup reads (${apFormat}); update flexup`);
  }
  if (format < since) throw new UnknownFormatError(`${basename(path)} has format ${format}; this flexup reads ${since} and later`);
  const fault = shape.fault(value);
  if (fault !== undefined) throw new UnknownFormatError(`${basename(path)} is not understood: ${shapeFaultText(fault)}`);
  return { value: value as Value };
}

async function readText(disk: Disk, path: string): Promise<string | undefined> {
  let file: DiskFile;
  try {
    file = await disk.open(path, "read");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(await file.sizeBytes());
    return bytes.toString("utf8", 0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}
