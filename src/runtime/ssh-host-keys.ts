import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import ssh2 from "ssh2";
import { writeLastingFile } from "./lasting-file.js";

/** Ed25519 for today's clients, RSA for automation that has not learned it. */
const kinds = [
  { file: "host-ed25519", type: "ed25519" as const, options: {} },
  { file: "host-rsa", type: "rsa" as const, options: { bits: 3072 } },
];

const generate = promisify(
  ssh2.utils.generateKeyPair as (type: string, options: object, done: (error: Error | null, keys: { private: string }) => void) => void,
);

/** The private host keys of a data folder, made at the first call. A key that exists is never replaced: clients remember it. */
export async function sshHostKeys(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keys: string[] = [];
  for (const { file, type, options } of kinds) {
    const path = join(folder, file);
    const stored = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    keys.push(stored ?? (await makeKey(path, type, options)));
  }
  return keys;
}

async function makeKey(path: string, type: string, options: object): Promise<string> {
  const { private: key } = await generate(type, options);
  writeLastingFile(path, key, 0o600);
  return key;
}
