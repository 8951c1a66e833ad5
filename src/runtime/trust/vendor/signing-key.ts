/** Ed25519 keys of a vendor: PKCS #8 in PEM, as OpenSSL reads and writes it, encrypted where a passphrase is given. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { Key, type Metadata, type Root, Signature, type Snapshot, type Targets, type Timestamp } from "@tufjs/models";
import { failure, type Result, success } from "../../../base/failure.js";
import { canonicalBytes } from "../canonical-json.js";

export interface SigningKey {
  readonly id: string;
  /** As metadata lists it. */
  readonly publicKey: Key;
  readonly privateKey: KeyObject;
}

/** Octets before the key itself in the DER form of a public key (RFC 8410). */
const spkiPrefixBytes = 12;

/** Writes a new key to `path`, which must not exist. */
export function makeKey(path: string, passphrase: string | undefined): Result<SigningKey> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const encryption = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  const pem = privateKey.export({ type: "pkcs8", format: "pem", ...encryption });
  const written = writeNew(path, pem);
  return written.ok ? success(signingKey(privateKey)) : written;
}

/** Failures: `key-unreadable`, `passphrase-needed`. */
export function readKey(path: string, passphrase: string | undefined): Result<SigningKey> {
  let pem: string;
  try {
    pem = readFileSync(path, "utf8");
  } catch (error) {
    return failure("key-unreadable", `${path} cannot be read: ${(error as Error).message}`);
  }
  if (pem.includes("BEGIN ENCRYPTED PRIVATE KEY") && passphrase === undefined) {
    return failure("passphrase-needed", `${path} is encrypted: give its passphrase by --passphrase-file or FLEXUP_KEY_PASSPHRASE`);
  }
  try {
    const privateKey = createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) });
    if (privateKey.asymmetricKeyType === "ed25519") return success(signingKey(privateKey));
    return failure("key-unreadable", `${path} is not an Ed25519 key`);
  } catch {
    return failure("key-unreadable", `${path} is not a private key, or the passphrase is wrong`);
  }
}

export function signWith(metadata: Metadata<Root | Targets | Snapshot | Timestamp>, key: SigningKey): void {
  metadata.sign((bytes) => new Signature({ keyID: key.id, sig: sign(null, bytes, key.privateKey).toString("hex") }));
}

/** Failure: `file-exists`, `file-unwritable`. Readable by its owner alone. */
export function writeNew(path: string, content: string | Uint8Array, mode = 0o600): Result<null> {
  try {
    const file = openSync(path, "wx", mode);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return success(null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      return failure("file-exists", `${path} exists already and is not overwritten: choose another name`);
    }
    return failure("file-unwritable", `${path} cannot be written: ${(error as Error).message}`);
  }
}

function signingKey(privateKey: KeyObject): SigningKey {
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const described = { keytype: "ed25519", scheme: "ed25519", keyval: { public: spki.subarray(spkiPrefixBytes).toString("hex") } };
  const id = createHash("sha256").update(canonicalBytes(described)).digest("hex");
  return { id, publicKey: Key.fromJSON(id, described), privateKey };
}
