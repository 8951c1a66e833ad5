import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import ssh2 from "ssh2";
import { writeLastingFile } from "../lasting-file.js";

/** Ed25519, and ECDSA for clients without it. No RSA: ssh2 would also sign with SHA-1 if a client asks for that. */
const kinds = [
  { file: "host-ed25519", type: "ed25519" as const, options: {} },
  { file: "host-ecdsa", type: "ecdsa" as const, options: { bits: 256 } },
];

type Generate = (type: string, options: object) => Promise<{ readonly private: string }>;

const generateBySsh2: Generate = promisify(
  ssh2.utils.generateKeyPair as (type: string, options: object, done: (error: Error | null, keys: { private: string }) => void) => void,
);

/**
 * The private host keys of a data folder, created at the first call. An existing key is never replaced, since clients remember it; one that
 * cannot be read, which no client can have seen, is set aside as `NAME.unreadable`.
 */
export async function sshHostKeys(folder: string, generate = generateBySsh2): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keys: string[] = [];
  for (const { file, type, options } of kinds) {
    const path = join(folder, file);
    const stored = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (stored !== undefined && !isReadable(stored)) await rename(path, `${path}.unreadable`);
    keys.push(stored !== undefined && isReadable(stored) ? stored : store(path, await readableKey(() => generate(type, options))));
  }
  return keys;
}

const isReadable = (key: string): boolean => !(ssh2.utils.parseKey(key) instanceof Error);

/** ssh2 takes leading zero octets off an Ed25519 public key, and then cannot read what it made: one in 256. */
async function readableKey(make: () => ReturnType<Generate>): Promise<string> {
  for (;;) {
    const { private: key } = await make();
    if (isReadable(key)) return key;
  }
}

function store(path: string, key: string): string {
  writeLastingFile(path, key, 0o600);
  return key;
}
