/** `flexup pki`: a certificate authority for DTLS links. Works on files only and never contacts a daemon (docs/security.md). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command as Program } from "commander";
import { InvalidArgumentError } from "commander";
import { failure, type Result, success } from "../../base/failure.js";
import type { Authority, IssueOptions } from "../../runtime/pki/authority.js";
import type { CertificateSubject } from "../../runtime/pki/certificate-subject.js";
import { dateText, issuedText } from "../layouts/certificates.js";
import { exitCodes } from "../one-shot.js";

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
type Done = (code: ExitCode) => void;

const daysDefault = { authority: 3650, certificate: 730 } as const;

interface PassphraseFlag {
  readonly passphraseFile?: string;
}

interface SubjectFlags extends PassphraseFlag {
  readonly controller?: string;
}

interface IssueFlags extends SubjectFlags {
  readonly out: string;
  readonly days: number;
}

export function registerPkiCommands(program: Program, done: Done): void {
  const pki = program.command("pki").description("certificates for the DTLS links of controllers and APs, offline");
  const outcome = (result: Result<string>): void => {
    if (result.ok) process.stdout.write(result.value);
    else process.stderr.write(`${result.failure.message}\n`);
    done(result.ok ? exitCodes.done : exitCodes.refused);
  };
  const passphrase = ["--passphrase-file <file>", "holds the passphrase of the authority's key"] as const;

  pki
    .command("init <folder>")
    .description("make an authority in a new folder; whoever has it can be any AP or controller, so keep it offline")
    .option("--name <name>", "its name", "flexup authority")
    .option("--days <days>", "how long it is valid", days, daysDefault.authority)
    .option(...passphrase)
    .action(async (folder: string, flags: PassphraseFlag & { readonly name: string; readonly days: number }) => {
      outcome(await init(folder, flags));
    });

  for (const act of ["issue", "renew"] as const) {
    pki
      .command(`${act} <folder> [mac]`)
      .description(
        act === "issue"
          ? "make the certificate of an AP or a controller"
          : "make its next one; the one before stays valid until it expires",
      )
      .option("--controller <name>", "for a controller of this name or MAC address, instead of an AP")
      .requiredOption("--out <folder>", "a new folder for certificate.pem, key.pem and authority.pem")
      .option("--days <days>", "how long it is valid", days, daysDefault.certificate)
      .option(...passphrase)
      .action(async (folder: string, mac: string | undefined, flags: IssueFlags) => outcome(await issue(act, folder, mac, flags)));
  }

  pki
    .command("revoke <folder> [mac]")
    .description("revoke all certificates of an AP or a controller; crl.pem in the folder then names them")
    .option("--controller <name>", "of a controller of this name or MAC address, instead of an AP")
    .option(...passphrase)
    .action(async (folder: string, mac: string | undefined, flags: SubjectFlags) => outcome(await revoke(folder, mac, flags)));

  pki
    .command("show <folder>")
    .description("list the certificates that the authority issued")
    .action(async (folder: string) => outcome(await show(folder)));
}

function days(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 36_500) throw new InvalidArgumentError("expected a whole number of days 1–36500");
  return value;
}

async function init(folder: string, flags: PassphraseFlag & { readonly name: string; readonly days: number }): Promise<Result<string>> {
  const passphrase = readPassphrase(flags);
  if (!passphrase.ok) return passphrase;
  const { createAuthority } = await import("../../runtime/pki/authority.js");
  const made = await createAuthority(folder, { name: flags.name, days: flags.days, passphrase: passphrase.value, now: Date.now() });
  if (!made.ok) return made;
  return success(`Authority in ${folder}, valid until ${dateText(made.value)}; keep ${join(folder, "authority.key")} offline\n`);
}

async function issue(act: "issue" | "renew", folder: string, mac: string | undefined, flags: IssueFlags): Promise<Result<string>> {
  const options: IssueOptions = { days: flags.days, out: flags.out, now: Date.now() };
  const issued = await withSubject(folder, mac, flags, (authority, subject) => authority[act](subject, options));
  if (!issued.ok) return issued;
  const file = (name: string): string => join(flags.out, name);
  return success(
    `${issued.value.commonName}, valid until ${dateText(issued.value.validTo)}: ` +
      `--dtls-cert ${file("certificate.pem")} --dtls-key ${file("key.pem")} --dtls-ca ${file("authority.pem")}\n`,
  );
}

async function revoke(folder: string, mac: string | undefined, flags: SubjectFlags): Promise<Result<string>> {
  return withSubject(folder, mac, flags, async (authority, subject) => {
    const revoked = await authority.revoke(subject, Date.now());
    if (!revoked.ok) return revoked;
    const count = revoked.value === 1 ? "1 certificate" : `${revoked.value} certificates`;
    const peer = subject.role === "wtp" ? "every controller" : "every AP";
    return success(`Revoked ${count} of ${subject.commonName}: give ${peer} ${authority.crlPath} (--dtls-crl)\n`);
  });
}

async function show(folder: string): Promise<Result<string>> {
  const { readIssued } = await import("../../runtime/pki/authority.js");
  const issued = readIssued(folder, Date.now());
  return issued.ok ? success(issuedText(issued.value)) : issued;
}

/** Resolves a command's arguments to the authority and the subject. */
async function withSubject<T>(
  folder: string,
  mac: string | undefined,
  flags: SubjectFlags,
  act: (authority: Authority, subject: CertificateSubject) => Promise<Result<T>>,
): Promise<Result<T>> {
  const { apSubject, controllerSubject } = await import("../../runtime/pki/certificate-subject.js");
  const { controller } = flags;
  if ((mac === undefined) === (controller === undefined)) {
    return failure("no-subject", "Expected the MAC address of an AP, or --controller NAME, and not both");
  }
  const subject = controller === undefined ? apSubject(mac as string) : controllerSubject(controller);
  if (!subject.ok) return subject;
  const authority = await open(folder, flags);
  return authority.ok ? act(authority.value, subject.value) : authority;
}

async function open(folder: string, flags: PassphraseFlag): Promise<Result<Authority>> {
  const passphrase = readPassphrase(flags);
  if (!passphrase.ok) return passphrase;
  const { Authority } = await import("../../runtime/pki/authority.js");
  return Authority.open(folder, passphrase.value);
}

function readPassphrase({ passphraseFile }: PassphraseFlag): Result<string | undefined> {
  if (passphraseFile === undefined) return success(undefined);
  try {
    const text = readFileSync(passphraseFile, "utf8").replace(/\r?\n$/, "");
    return text === "" ? failure("passphrase-empty", `${passphraseFile} is empty: expected a passphrase`) : success(text);
  } catch (error) {
    return failure("passphrase-unreadable", `The passphrase cannot be read: ${(error as Error).message}`);
  }
}
