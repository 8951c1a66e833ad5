/**
 * Finds damage in SQLite's write-ahead log. SQLite reads a log up to the first frame whose checksum fails and silently drops the rest, since
 * that is how an interrupted write ends. But each transaction is on the disk before the next one begins: a bad frame with a later
 * transaction behind it was good once, so the log is damaged and SQLite would lose what follows.
 * Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */
import { readFileSync } from "node:fs";

const headerBytes = 32;
const frameHeaderBytes = 24;
/** SQLite's default, which our databases have. */
const pageBytes = 4096;
const frameBytes = frameHeaderBytes + pageBytes;

/** In which order the checksum takes the octets of a 32-bit word: the writer's, which the magic number tells. */
type WordOrder = "readUInt32LE" | "readUInt32BE";
type Checksum = readonly [number, number];

interface Frame {
  readonly salt: string;
  /** The last one of its transaction. */
  readonly commits: boolean;
  /** Its checksum follows from its content and the checksum stored before it. */
  readonly isSound: boolean;
}

/** @returns whether committed transactions in the log at `path` cannot be read any more; false where there is no log */
export function isWalDamaged(path: string): boolean {
  let wal: Buffer;
  try {
    wal = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  if (wal.length < headerBytes + frameBytes) return false;
  const order: WordOrder = wal.readUInt32BE(0) === 0x377f0683 ? "readUInt32BE" : "readUInt32LE";
  const isHeaderSound = equals(checksum(wal, order, 0, headerBytes - 8, [0, 0]), storedAt(wal, headerBytes - 8));
  // SQLite syncs the header before it writes the first frame.
  if (!isHeaderSound)
    return framesOf(wal, "readUInt32LE")
      .concat(framesOf(wal, "readUInt32BE"))
      .some(({ isSound }) => isSound);
  return losesTransactions(framesOf(wal, order), wal.toString("latin1", 16, 24));
}

/** Frames of another salt are left from before the log was last folded in. */
function losesTransactions(frames: readonly Frame[], salt: string): boolean {
  const bad = frames.findIndex((frame) => !frame.isSound || frame.salt !== salt);
  const end = bad < 0 ? -1 : frames.findIndex((frame, index) => index >= bad && frame.commits);
  return end >= 0 && frames.slice(end + 1).some((frame) => frame.salt === salt);
}

function framesOf(wal: Buffer, order: WordOrder): Frame[] {
  const frames: Frame[] = [];
  for (let at = headerBytes; at + frameBytes <= wal.length; at += frameBytes) {
    const before = storedAt(wal, at === headerBytes ? headerBytes - 8 : at - frameBytes + 16);
    const afterHeader = checksum(wal, order, at, 8, before);
    frames.push({
      salt: wal.toString("latin1", at + 8, at + 16),
      commits: wal.readUInt32BE(at + 4) !== 0,
      isSound: equals(checksum(wal, order, at + frameHeaderBytes, pageBytes, afterHeader), storedAt(wal, at + 16)),
    });
  }
  return frames;
}

const storedAt = (wal: Buffer, at: number): Checksum => [wal.readUInt32BE(at), wal.readUInt32BE(at + 4)];
const equals = ([a1, a2]: Checksum, [b1, b2]: Checksum): boolean => a1 === b1 && a2 === b2;

/** `walChecksumBytes` of SQLite. */
function checksum(wal: Buffer, order: WordOrder, at: number, length: number, [first, second]: Checksum): Checksum {
  let [s1, s2] = [first, second];
  for (let offset = at; offset < at + length; offset += 8) {
    s1 = (s1 + wal[order](offset) + s2) >>> 0;
    s2 = (s2 + wal[order](offset + 4) + s1) >>> 0;
  }
  return [s1, s2];
}
