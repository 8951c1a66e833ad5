/** Numbers and instants for people, in one place so that all pages agree. */

const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `62.4 MiB`: three digits at most, exact below 1 KiB. */
export function bytesText(bytes: number): string {
  const { value, unit } = scaled(bytes, 1024, binaryUnits);
  return `${value} ${unit}`;
}

const bitUnits = ["b/s", "kb/s", "Mb/s", "Gb/s"] as const;

/** Bytes per second as network engineers write it: `18.2 Mb/s`. */
export function rateText(bytesPerSecond: number): string {
  const { value, unit } = scaled(bytesPerSecond * 8, 1000, bitUnits);
  return `${value} ${unit}`;
}

function scaled(amount: number, base: number, units: readonly string[]): { value: string; unit: string } {
  let value = amount;
  let step = 0;
  while (value >= base && step < units.length - 1) {
    value /= base;
    step++;
  }
  return { value: step === 0 || value >= 100 ? String(Math.round(value)) : value.toFixed(1), unit: units[step] as string };
}

/** `48 s`, `6 min 05 s`, `2 h 09 min`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (part: number): string => String(part).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const calendar = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

/** Time of day; with the date if it is not today's. `instant`: ms since the epoch. */
export function instantText(instant: number, now: number): string {
  const at = new Date(instant);
  const sameDay = at.toDateString() === new Date(now).toDateString();
  return sameDay ? clock.format(at) : `${calendar.format(at)}, ${clock.format(at)}`;
}

/** `1 AP`, `24 APs`. */
export const countText = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

export const percentText = (part: number, whole: number): string => `${whole === 0 ? 0 : Math.floor((100 * part) / whole)} %`;

/** The version of an empty slot or release. */
export const versionText = (version: string | null): string =>
  version === null || version === "0.0.0.0" || version === "" ? "none" : version;

const linkTexts = { "dtls-psk": "DTLS, by its key", "dtls-cert": "DTLS, by its certificate", clear: "clear text" } as const;

/** How an AP's control channel travels; null for one that has none now. */
export const linkText = (link: keyof typeof linkTexts | null): string => (link === null ? "none" : linkTexts[link]);
