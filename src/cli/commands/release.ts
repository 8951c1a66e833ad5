/** `flexup release`: signing images, offline. No daemon takes part, and none ever sees a key. */
import { InvalidArgumentError, type Command as Program } from "commander";
import type { ReleaseIo, SignFlags } from "../release/release-acts.js";

type Done = (code: 0 | 1) => void;

const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`expected a whole number ${min}–${max}`);
    return value;
  };

const list = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
const daysMax = 36_500;
const securityVersionMax = 999_999_999;

const io: ReleaseIo = {
  write: (text) => process.stdout.write(text),
  passphrase: process.env["FLEXUP_KEY_PASSPHRASE"],
  now: Date.now,
};

export function registerReleaseCommands(program: Program, done: Done): void {
  const release = program.command("release").description("sign images, offline");
  const run = async (
    act: (acts: typeof import("../release/release-acts.js")) => ReturnType<typeof import("../release/release-acts.js").init>,
  ) => {
    const result = await act(await import("../release/release-acts.js"));
    if (!result.ok) process.stderr.write(`${result.failure.message}\n`);
    done(result.ok ? 0 : 1);
  };
  const withKeys = (command: Program): Program =>
    command.option("--passphrase-file <file>", "passphrase of the keys (or FLEXUP_KEY_PASSPHRASE; default: keys are not encrypted)");

  withKeys(release.command("init"))
    .description("make the keys and the first root in a new folder")
    .argument("<folder>", "where to")
    .option("--keys <n>", "root keys", whole(1, 16), 3)
    .option("--threshold <n>", "how many of them must sign a new root", whole(1, 16), 2)
    .action((folder: string, flags) => run((acts) => acts.init(folder, flags, io)));

  withKeys(release.command("sign"))
    .description("sign an image: writes the bundle that goes with it")
    .argument("<folder>", "made by release init")
    .argument("<file>", "the image")
    .requiredOption("--version <version>", "its version, e.g. 8.5.182.0")
    .requiredOption("--models <models>", "models or families that it is for, separated by commas")
    .option("--security-version <n>", "raise it when older images must never boot again", whole(0, securityVersionMax))
    .requiredOption("--out <bundle>", "the file to write")
    .option("--days <n>", "days that the signature is valid", whole(1, daysMax), 1825)
    .option("--timestamp-days <n>", "add a timestamp of so many days, against bundles that are withheld", whole(1, daysMax))
    .option("--key <file>", "a key that is not in the folder (repeatable)", list)
    .action((folder: string, file: string, flags: SignFlags) => run((acts) => acts.sign(folder, file, flags, io)));

  withKeys(release.command("rotate-key"))
    .description("replace a key: makes a new one and the next root")
    .argument("<folder>", "made by release init")
    .option("--role <role>", "release, root or freshness", "release")
    .option("--revoke <id>", "the root key to replace")
    .option("--key <file>", "a key that is not in the folder (repeatable)", list)
    .action((folder: string, flags) => run((acts) => acts.rotate(folder, flags, io)));

  release
    .command("verify")
    .description("verify a bundle, and an image against it")
    .argument("<bundle>", "the bundle")
    .argument("[file]", "the image")
    .requiredOption("--trust-root <file>", "the root that is trusted")
    .action((bundle: string, file: string | undefined, flags) => run((acts) => acts.verify(bundle, file, flags.trustRoot, io)));

  release
    .command("show")
    .description("show what a bundle or a root says, without verifying it")
    .argument("<file>", "bundle or root.json")
    .action((file: string) => run((acts) => acts.show(file, io)));
}
