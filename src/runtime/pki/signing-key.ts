/** P-256 keys as PEM and as Web Crypto keys. */
import { createPrivateKey, webcrypto } from "node:crypto";

type CryptoKey = webcrypto.CryptoKey;

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
export const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" } as const;

export const newKeyPair = (): Promise<webcrypto.CryptoKeyPair> => webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);

/** PKCS #8, PEM; encrypted where there is a passphrase. */
export async function privateKeyPem(key: CryptoKey, passphrase?: string): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const encryption = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ type: "pkcs8", format: "pem", ...encryption })
    .toString();
}

/** @throws Error if the passphrase is wrong or missing, or the text is not a private key */
export function readPrivateKey(pem: string, passphrase?: string): Promise<CryptoKey> {
  const key = createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) });
  return webcrypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), keyAlgorithm, true, ["sign"]);
}
