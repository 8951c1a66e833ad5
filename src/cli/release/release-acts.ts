/** What `flexup release` does, and what it says afterwards. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { failure, type Result, success } from "../../base/failure.js";
import { imageOf } from "../../core/trust/trust-rules.js";
import type { TrustVerdict } from "../../core/trust/verdict.js";
import { familyOfName } from "../../core/upgrade/models.js";
import { readBundle } from "../../runtime/trust/bundle.js";
import { readRoot } from "../../runtime/trust/metadata.js";
import { readTrustRoot } from "../../runtime/trust/trust-root.js";
import { initReleaseFolder } from "../../runtime/trust/vendor/init.js";
import { type KeyRole, keyRoles, type SignerOptions } from "../../runtime/trust/vendor/key-ring.js";
import { measureImage } from "../../runtime/trust/vendor/measure-image.js";
import { rotateKey } from "../../runtime/trust/vendor/rotate.js";
import { signRelease } from "../../runtime/trust/vendor/sign.js";
import { verifyRelease } from "../../runtime/trust/verify-release.js";
import { bundleText, imageLines, rootText } from "./release-text.js";

export interface ReleaseIo {
  readonly write: (text: string) => void;
  readonly passphrase: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

interface KeyFlags {
  readonly passphraseFile?: string;
  readonly key?: readonly string[];
}

export interface SignFlags extends KeyFlags {
  readonly version: string;
  readonly models: string;
  readonly securityVersion?: number;
  readonly out: string;
  readonly days: number;
  readonly timestampDays?: number;
}

type Done = Result<null>;

export async function init(
  folder: string,
  { keys, threshold, ...flags }: KeyFlags & { readonly keys: number; readonly threshold: number },
  io: ReleaseIo,
): Promise<Done> {
  if (threshold > keys) return failure("invalid-option", `--threshold ${threshold} is more than --keys ${keys}`);
  const options = signerOptions(flags, io);
  if (!options.ok) return options;
  const made = initReleaseFolder(folder, { keys, threshold }, options.value);
  if (!made.ok) return made;
  const root = join(folder, "root.json");
  io.write(
    [
      `Made ${root}, version 1: ${threshold} of ${keys} root keys must sign the next one.`,
      ...(options.value.passphrase === undefined ? ["The keys are not encrypted: whoever reads these files can sign."] : []),
      `Next: move ${join(folder, "keys", "root-*.pem")} to media of their own, kept apart; only "release rotate-key" needs them.`,
      `Then give ${root} to controllers and APs (--trust-root), and sign images with "flexup release sign ${folder} FILE …".`,
      "",
    ].join("\n"),
  );
  return success(null);
}

export async function sign(folder: string, file: string, flags: SignFlags, io: ReleaseIo): Promise<Done> {
  const options = signerOptions(flags, io);
  if (!options.ok) return options;
  if (!/^[!-~]{1,64}$/.test(flags.version)) {
    return failure("invalid-option", "--version must be 1 to 64 printable characters without blanks");
  }
  const models = flags.models.split(",").filter((model) => model.trim() !== "");
  if (models.length === 0) return failure("invalid-option", "--models needs one model or more");
  const families = [...new Set(models.map(familyOfName))];
  const { version, securityVersion, days, timestampDays, out } = flags;
  const signed = await signRelease(folder, { file, version, families, securityVersion }, { days, timestampDays }, out, options.value);
  if (!signed.ok) return signed;
  io.write(`Signed ${file} as release ${signed.value.targetsVersion}:\n${imageLines(signed.value.image)}`);
  io.write(`Next: flexup image add ${file} --bundle ${out} --version ${version} --models ${flags.models} --release primary\n`);
  return success(null);
}

export async function rotate(
  folder: string,
  { role, revoke, ...flags }: KeyFlags & { readonly role: string; readonly revoke?: string },
  io: ReleaseIo,
): Promise<Done> {
  const known = keyRoles.find((name) => name === role);
  if (known === undefined) return failure("invalid-option", `--role: "${role}" is not a role: expected ${keyRoles.join(", ")}`);
  const options = signerOptions(flags, io);
  if (!options.ok) return options;
  const rotated = rotateKey(folder, known, revoke, options.value);
  if (!rotated.ok) return rotated;
  const { rootVersion, keyFile } = rotated.value;
  io.write(`Made ${keyFile} and ${join(folder, "root.json")}, version ${rootVersion}. ${nextAfterRotation[known]}\n`);
  return success(null);
}

const nextAfterRotation: Readonly<Record<KeyRole, string>> = {
  release:
    "Next: sign the current images again; APs stop trusting the old key as soon as they get such a bundle. " +
    "Raise --security-version if the old key has leaked.",
  root: "Next: move the new key to a medium of its own; APs get the new root with the next bundle.",
  freshness: "Next: sign the current images again with --timestamp-days.",
};

export async function verify(bundleFile: string, file: string | undefined, rootFile: string, io: ReleaseIo): Promise<Done> {
  const root = readTrustRoot(rootFile);
  if (!root.ok) return root;
  const bytes = read(bundleFile);
  if (!bytes.ok) return bytes;
  const bundle = readBundle(bytes.value);
  if (!bundle.ok) return refused(bundleFile, bundle);
  const verified = verifyRelease(root.value, bundle.value);
  if (!verified.ok) return refused(bundleFile, verified);
  const { release } = verified.value;
  if (release.targets.expiresAtMs <= io.now()) {
    return failure("metadata-expired", `${bundleFile} is not accepted: it has expired; sign the image again`);
  }
  const chain = release.root.version === root.value.signed.version ? "" : `, which leads to version ${release.root.version}`;
  io.write(`${bundleFile}: signatures verified by root version ${root.value.signed.version}${chain}\n`);
  if (file === undefined) {
    io.write(release.images.map(imageLines).join(""));
    return success(null);
  }
  const measured = await measureImage(file);
  if (!measured.ok) return measured;
  const version = release.images.find(({ sha256 }) => sha256 === measured.value.sha256)?.version ?? "";
  const image = imageOf(release, { ...measured.value, version });
  if (!image.ok) return refused(file, image);
  if (image.value.chunks.sha256s.join() !== measured.value.chunks.sha256s.join()) {
    return failure("chunk-mismatch", `${file} is not accepted: the bundle's chunk list is not that of this file`);
  }
  io.write(`${file}: matches\n${imageLines(image.value)}`);
  return success(null);
}

export async function show(file: string, io: ReleaseIo): Promise<Done> {
  const bytes = read(file);
  if (!bytes.ok) return bytes;
  const root = readRoot(bytes.value);
  if (root.ok) {
    io.write(rootText(root.value));
    return success(null);
  }
  const bundle = readBundle(bytes.value);
  if (!bundle.ok) return refused(file, bundle);
  io.write(bundleText(bundle.value, io.now()));
  return success(null);
}

function signerOptions({ passphraseFile, key }: KeyFlags, io: ReleaseIo): Result<SignerOptions> {
  const options = { keyFiles: key ?? [], nowMs: io.now() };
  if (passphraseFile === undefined) return success({ ...options, passphrase: io.passphrase || undefined });
  const text = read(passphraseFile);
  if (!text.ok) return text;
  const passphrase = text.value.toString("utf8").replace(/\r?\n$/, "");
  return passphrase === "" ? failure("invalid-option", `${passphraseFile} holds no passphrase`) : success({ ...options, passphrase });
}

function read(file: string): Result<Buffer> {
  try {
    return success(readFileSync(file));
  } catch (error) {
    return failure("file-unreadable", `${file} cannot be read: ${(error as Error).message}`);
  }
}

const refused = (file: string, { fault }: Extract<TrustVerdict<never>, { readonly ok: false }>): Result<never> =>
  failure(fault.reason, `${file} is not accepted: ${fault.detail}`);
