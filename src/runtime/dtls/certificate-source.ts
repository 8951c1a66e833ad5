/** A daemon's certificate files, reloaded when one changes, so that a renewed certificate or a new revocation list needs no restart. */
import { statSync } from "node:fs";
import { type Result, success } from "../../base/failure.js";
import type { CertificateCredential } from "./addon.js";
import { type CertificateFiles, readCertificateFiles } from "./credentials.js";

const checkMsDefault = 2_000;

export interface CertificateWatch {
  /** Applies the credential. If it throws, `onFault` is called and the previous one stays in use. */
  readonly renew: (credential: CertificateCredential) => void;
  /** A changed file could not be read or applied. */
  readonly onFault: (message: string) => void;
  readonly checkMs?: number;
}

export class CertificateSource {
  readonly #files: CertificateFiles;
  #fingerprint: string;
  #current: CertificateCredential;

  /** Failure: `certificate-unreadable`. */
  static open(files: CertificateFiles): Result<CertificateSource> {
    // Taken first, so that a change during the read shows at the next check.
    const fingerprint = fingerprintOf(files);
    const read = readCertificateFiles(files);
    return read.ok ? success(new CertificateSource(files, fingerprint, read.value)) : read;
  }

  private constructor(files: CertificateFiles, fingerprint: string, current: CertificateCredential) {
    this.#files = files;
    this.#fingerprint = fingerprint;
    this.#current = current;
  }

  /** The last credential that could be applied. */
  get current(): CertificateCredential {
    return this.#current;
  }

  /** @returns a function that stops watching */
  watch(watch: CertificateWatch): () => void {
    const timer = setInterval(() => this.#check(watch), watch.checkMs ?? checkMsDefault).unref();
    return () => clearInterval(timer);
  }

  #check({ renew, onFault }: CertificateWatch): void {
    const fingerprint = fingerprintOf(this.#files);
    if (fingerprint === this.#fingerprint) return;
    this.#fingerprint = fingerprint;
    const read = readCertificateFiles(this.#files);
    if (!read.ok) {
      onFault(read.failure.message);
      return;
    }
    try {
      renew(read.value);
      this.#current = read.value;
    } catch (error) {
      onFault((error as Error).message);
    }
  }
}

function fingerprintOf(files: CertificateFiles): string {
  const parts = Object.values(files).map((path: string | undefined) => {
    const stat = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? "none" : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
  });
  return parts.join("|");
}
