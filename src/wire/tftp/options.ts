/** The options flexup knows: RFC 2348 (blksize), RFC 2349 (tsize, timeout), RFC 7440 (windowsize). */
import type { Option } from "./packet.js";

export interface Options {
  /** Payload octets of a full DATA packet, 8–65464. */
  readonly blksize?: number;
  /** Size of the file in octets; 0 in a request asks for it. */
  readonly tsize?: number;
  /** Retransmission time-out, 1–255: seconds, as on the wire. */
  readonly timeoutSeconds?: number;
  /** DATA packets in a row before an ACK, 1–65535. */
  readonly windowsize?: number;
}

/** What holds when an option was not agreed (RFC 1350). */
export const DEFAULT_BLKSIZE = 512;
export const DEFAULT_WINDOWSIZE = 1;
export const BLKSIZE_MIN = 8;
export const BLKSIZE_MAX = 65464;
export const WINDOWSIZE_MAX = 65535;

const table: Readonly<Record<keyof Options, { readonly name: string; readonly min: number; readonly max: number }>> = {
  blksize: { name: "blksize", min: BLKSIZE_MIN, max: BLKSIZE_MAX },
  tsize: { name: "tsize", min: 0, max: Number.MAX_SAFE_INTEGER },
  timeoutSeconds: { name: "timeout", min: 1, max: 255 },
  windowsize: { name: "windowsize", min: 1, max: WINDOWSIZE_MAX },
};
const keys = Object.keys(table) as (keyof Options)[];
const keyOfName = new Map(keys.map((key) => [table[key].name, key]));

/** Strictly decimal: no sign, blank, point or other base. */
const decimal = /^[0-9]{1,16}$/;

/**
 * Names match in any letter case, the first of equal names counts. `refused` are the options that we do not know or
 * whose value is out of range: left out of an OACK by a server, a reason to give up for a client.
 */
export function readOptions(raw: readonly Option[]): { readonly options: Options; readonly refused: readonly Option[] } {
  const options: { -readonly [Key in keyof Options]: number } = {};
  const refused: Option[] = [];
  for (const option of raw) {
    const key = keyOfName.get(option.name.toLowerCase());
    const value = decimal.test(option.value) ? Number(option.value) : Number.NaN;
    if (key === undefined || !(value >= table[key].min && value <= table[key].max)) refused.push(option);
    else options[key] ??= value;
  }
  return { options, refused };
}

export const writeOptions = (options: Options): Option[] =>
  keys.flatMap((key) => (options[key] === undefined ? [] : [{ name: table[key].name, value: String(options[key]) }]));
