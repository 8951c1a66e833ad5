/** Every refusal that an operator can meet: a stable code, and one line that says what was wrong and what to do. */
import { type Failure, failure } from "../../../base/failure.js";
import type { NewImage } from "./new-image.js";

type Refused = { readonly ok: false; readonly failure: Failure };
type Words = string | number;

const make =
  <Arguments extends Words[]>(code: string, words: (...about: Arguments) => string) =>
  (...about: Arguments): Refused =>
    failure(code, words(...about));

/** As a POSIX shell takes it for one word. */
const shellWord = (text: string): string => (/^[\w.,:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export const refuse = {
  badGroupName: make(
    "bad-group-name",
    (name) => `"${name}" is not a valid group name: 1 to 32 printable characters, no blank at either end, no "/", no "-" at its start.`,
  ),
  groupExists: make("group-exists", (group) => `Group "${group}" exists already.`),
  unknownGroup: make("unknown-group", (group) => `There is no FlexConnect group "${group}"; "show flexconnect group summary" lists them.`),
  groupBusy: make("group-busy", (group) => `Group "${group}" is in an upgrade run; wait for its end or abort it first.`),
  groupFull: make(
    "group-full",
    (group, platform, limit) => `Group "${group}" is full: a controller of platform ${platform} takes ${limit} APs in a group.`,
  ),
  badMac: make("bad-mac", (text) => `"${text}" is not a valid MAC address; write it like 00:0a:b8:3b:0b:c2.`),
  apInGroup: make("ap-in-group", (mac, group) => `AP ${mac} is in group "${group}" already; delete it there first.`),
  apNotInGroup: make("ap-not-in-group", (ap, group) => `AP ${ap} is not in group "${group}"; add it with "ap add MAC".`),
  unknownAp: make("unknown-ap", (ap) => `No AP "${ap}" has ever joined; "show ap summary" lists the APs.`),
  ambiguousAp: make("ambiguous-ap", (ap, macs) => `More than one AP is called "${ap}"; name it by its MAC address: ${macs}.`),
  apNotJoined: make("ap-not-joined", (ap) => `AP ${ap} is not joined now; try again when it is.`),
  apBusy: make("ap-busy", (ap) => `AP ${ap} takes part in an upgrade run; wait for its end or abort it first.`),
  apActivating: make(
    "ap-activating",
    (ap, group) => `AP ${ap} takes part in the activation of group "${group}"; wait for its end or abort it first.`,
  ),
  groupActivating: make(
    "group-activating",
    (group) => `Group "${group}" is being activated; wait until that ends, or abort it with "activate abort".`,
  ),
  nothingToActivate: make(
    "nothing-to-activate",
    (group, reason) =>
      `No AP of group "${group}" has an image to boot (the first one skipped: ${reason}); "activate preview" lists all reasons.`,
  ),
  canaryNotReady: make("canary-not-ready", (ap, reason) => `AP ${ap} cannot be a canary: ${reason}.`),
  timePast: make("invalid-time", () => "The time is past; give one that is still to come."),
  badPhases: make("invalid-phases", () => "The phases must rise and end at 100 per cent, such as 1,10,50,100."),
  noActivation: make("no-activation", (group) => `Group "${group}" has no activation in progress; start one with "activate".`),
  activationUnfit: make(
    "activation-unfit",
    (group, what, phase) =>
      `The activation of group "${group}" is ${phase} and cannot ${what}; "show flexconnect group activation" shows it.`,
  ),
  notPrimary: make("not-a-manual-primary", (ap, group) => `AP ${ap} is not a manual primary of group "${group}".`),
  notSubordinate: make("not-a-forced-subordinate", (ap, group) => `AP ${ap} is not set as a subordinate in group "${group}".`),
  outOfRange: make("out-of-range", (what, given, min, max) => `${what} is ${given}; it must be ${min} to ${max}.`),
  backoffOrder: make("backoff-order", (min, max) => `The lower bound of the back-off (${min} s) must be below the upper one (${max} s).`),
  predownloadOff: make(
    "predownload-disabled",
    (group) => `FlexConnect AP upgrade is off in group "${group}"; turn it on with "predownload enable".`,
  ),
  noJoinedAps: make("no-joined-aps", (where) => `No AP ${where} is joined; nothing to upgrade.`),
  noImage: make("no-image", (release, families) => `The ${release} release has no image for ${families}; add one with "flexup image add".`),
  imageDamaged: make(
    "image-damaged",
    (version, families, sha256, what) =>
      `The file of image ${version} for ${families} is damaged (images/${sha256}: ${what}); add the image again with "flexup image add".`,
  ),
  peerDiffers: make(
    "peer-differs",
    (peer, what) =>
      `The peer controller ${peer} does not hold the same images (${what}); make both the same, or start with "force" and do it before an AP moves there.`,
  ),
  noRun: make("no-run", (where) => `No upgrade is running ${where}.`),
  backupEmpty: make("backup-empty", (ap) => `The backup image of AP ${ap} is empty; predownload one before the swap.`),
  lastImageNotHeld: make(
    "image-not-held",
    (ap, wanted, backup) =>
      `AP ${ap} was skipped: it does not hold ${wanted}, the image of its last upgrade, and its backup image is ${backup}; predownload it, or swap with "force".`,
  ),
  swapGoesBack: make(
    "swap-goes-back",
    (ap, running, backup) =>
      `AP ${ap} was skipped: it runs ${running} and its backup image ${backup} is older; swap with "force" to go back.`,
  ),
  apJoined: make("ap-joined", (ap) => `AP ${ap} is joined; it can be forgotten once it is gone.`),
  notCapable: make("not-capable", (ap) => `AP ${ap} does not speak the upgrade protocol and cannot swap its images.`),
  apRefused: make("ap-refused", (ap, why) => `AP ${ap} refused: ${why}.`),
  apActBusy: make("ap-act-busy", (ap) => `AP ${ap} has not answered the last swap or reset yet; try again in a moment.`),
  allRefused: make("all-refused", (count, first) => `None of ${count} APs did it; the first: ${first}`),
  apSilent: make("ap-silent", (ap) => `AP ${ap} did not answer in time; "show ap image" will tell.`),
  badImage: make("bad-image", (what) => `The image was refused: ${what}.`),
  /** @param more how many others the controller lacks as well */
  imageMissing: ({ version, models, sha256, fileName, release }: Omit<NewImage, "md5">, more: number): Refused =>
    failure(
      "image-missing",
      `The controller lacks image ${version} for ${models.join(", ")} with SHA-256 ${sha256}${more === 0 ? "" : ` and ${more} more`}; run ${[
        "flexup image add",
        fileName,
        "--version",
        shellWord(version),
        "--models",
        shellWord(models.join(",")),
        "--release",
        release,
      ].join(" ")} and import again.`,
    ),
  unknownRun: make("unknown-run", (id) => `There is no report of a run ${id}; "show flexconnect reports" lists the reports that are kept.`),
  unknownImage: make("unknown-image", (id) => `There is no image "${id}"; "flexup image ls" lists them.`),
  imageInUse: make("image-in-use", (id, group) => `Image ${id} is in use by the upgrade of ${group}; wait for its end or abort it first.`),
  storageReadOnly: make(
    "storage-read-only",
    (reason) => `The controller cannot store anything (${reason}); nothing was changed. Free space in its data folder and try again.`,
  ),
  unreadableRow: make(
    "data-row-unreadable",
    (key, detail) => `Row "${key}" of the data folder cannot be read (${detail}); restore a backup, or start the version that wrote it.`,
  ),
} as const;
