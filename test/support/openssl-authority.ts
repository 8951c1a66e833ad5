/** A certificate authority of the `openssl` command, for what our own tools do not make: wrong usages, other authorities. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { temporaryFolder } from "./folder.js";

export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
export const usages = { ac: "1.3.6.1.5.5.7.3.18", wtp: "1.3.6.1.5.5.7.3.19", tlsServer: "1.3.6.1.5.5.7.3.1" } as const;

export interface Issued {
  readonly certificate: string;
  readonly privateKey: string;
}

export class OpensslAuthority {
  readonly #folder: string;
  readonly #days: number;

  constructor(t: Test, days = 2) {
    this.#folder = temporaryFolder(t);
    this.#days = days;
    this.#run("req", "-x509", ...this.#newKey("ca"), "-subj", "/CN=test authority", "-days", "2", "-out", this.#at("ca.pem"));
    writeFileSync(this.#at("index.txt"), "");
    writeFileSync(this.#at("crlnumber"), "01\n");
    const config = `[ca]\ndefault_ca=own\n[own]\ndatabase=${this.#at("index.txt")}\ncrlnumber=${this.#at("crlnumber")}\ndefault_md=sha256\ndefault_crl_days=2\n`;
    writeFileSync(this.#at("ca.cnf"), config);
  }

  get authority(): string {
    return this.#text("ca.pem");
  }

  /** @param kind `rsa:4096` makes a certificate that needs fragments in a handshake */
  issue(name: string, usage: string, kind: "ec" | "rsa:4096" = "ec"): Issued {
    const id = `${name.replaceAll(":", "")}-${usage}`;
    const subject = ["-subj", `/CN=${name}`, "-out", this.#at(`${id}.csr`)];
    this.#run("req", ...this.#newKey(id, kind), ...subject);
    writeFileSync(this.#at("ext"), `extendedKeyUsage=${usage}\n`);
    const by = ["-CA", this.#at("ca.pem"), "-CAkey", this.#at("ca.key"), "-CAcreateserial", "-extfile", this.#at("ext")];
    this.#run("x509", "-req", "-in", this.#at(`${id}.csr`), ...by, "-days", String(this.#days), "-out", this.#at(`${id}.pem`));
    return { certificate: this.#text(`${id}.pem`), privateKey: this.#text(`${id}.key`) };
  }

  /** A revocation list with these certificates. */
  revoke(...revoked: readonly Issued[]): string {
    const by = ["-config", this.#at("ca.cnf"), "-keyfile", this.#at("ca.key"), "-cert", this.#at("ca.pem")];
    for (const { certificate } of revoked) {
      writeFileSync(this.#at("gone.pem"), certificate);
      this.#run("ca", ...by, "-revoke", this.#at("gone.pem"));
    }
    this.#run("ca", ...by, "-gencrl", "-out", this.#at("crl.pem"));
    return this.#text("crl.pem");
  }

  #newKey(id: string, kind = "ec"): string[] {
    const algorithm = kind === "ec" ? ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] : ["-newkey", kind];
    return [...algorithm, "-nodes", "-keyout", this.#at(`${id}.key`)];
  }

  #at(file: string): string {
    return join(this.#folder, file);
  }

  #text(file: string): string {
    return readFileSync(this.#at(file), "utf8");
  }

  #run(...args: readonly string[]): void {
    execFileSync("openssl", args, { stdio: "pipe" });
  }
}
