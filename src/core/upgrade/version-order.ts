/** `8.10.183.0` is newer than `8.5.161.0`: number by number; letters within a part count after its number. */
const partsOf = (version: string): (readonly [number, string])[] =>
  version.split(/[.()_-]+/).map((part) => {
    const [, digits = "", rest = ""] = /^(\d*)(.*)$/.exec(part) ?? [];
    return [digits === "" ? -1 : Number(digits), rest.toLowerCase()];
  });

/** Below 0 where `one` is older, above 0 where it is newer, 0 where neither is. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [partsOf(one), partsOf(other)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [[number, rest], [otherNumber, otherRest]] = [left[at] ?? [0, ""], right[at] ?? [0, ""]];
    if (number !== otherNumber) return number - otherNumber;
    if (rest !== otherRest) return rest < otherRest ? -1 : 1;
  }
  return 0;
}
