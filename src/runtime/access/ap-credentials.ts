/** The APs' pre-shared keys: in the data folder's database, and in memory for handshakes. */
import { randomBytes } from "node:crypto";
import type { MacAddress } from "../../base/mac-address.js";
import { parseMac } from "../../base/mac-address.js";
import type { Instant } from "../../base/time.js";
import type { CredentialView } from "../../core/controller/operator/views.js";
import { Seals } from "../controller/store/seals.js";
import type { Store } from "../controller/store/store.js";
import { keyBytes, keyFromJoinToken } from "../dtls/credentials.js";

interface Row {
  readonly mac: MacAddress;
  /** Hex; null for one that was revoked. */
  readonly key: string | null;
  readonly since: Instant;
}

/** Writes throw `StoreReadOnly` where the disk cannot take them. */
export class ApCredentials {
  readonly #store: Store;
  readonly #joinToken: string | undefined;
  readonly #now: () => Instant;
  readonly #rows: Map<MacAddress, Row>;

  /** @param joinToken from which the keys of APs without a credential of their own are derived; undefined: such APs stay out */
  constructor(store: Store, joinToken: string | undefined, now: () => Instant) {
    this.#store = store;
    this.#joinToken = joinToken;
    this.#now = now;
    const rows = store.database.prepare("SELECT mac, key, since FROM ap_credential ORDER BY mac").all() as Row[];
    this.#rows = new Map(rows.map((row) => [row.mac, row]));
  }

  list(): CredentialView[] {
    return [...this.#rows.values()].sort((a, b) => (a.mac < b.mac ? -1 : 1)).map(viewOf);
  }

  /** Makes a key in place of the one that the AP had. @returns it as hex; it is not shown again */
  add(mac: MacAddress): string {
    const key = randomBytes(keyBytes).toString("hex");
    this.#put({ mac, key, since: this.#now() });
    return key;
  }

  /** Forgets the AP's key and keeps it out. @returns false: it has none, nor would the join token let it in */
  revoke(mac: MacAddress): boolean {
    if (this.keyOf(mac) === undefined) return false;
    this.#put({ mac, key: null, since: this.#now() });
    return true;
  }

  /** The key under which a peer of this PSK identity may come, undefined for none. @param identity text from the network */
  keyOf(identity: string): Uint8Array | undefined {
    const mac = parseMac(identity);
    if (mac === undefined) return undefined;
    const row = this.#rows.get(mac);
    if (row !== undefined) return row.key === null ? undefined : Buffer.from(row.key, "hex");
    return this.#joinToken === undefined ? undefined : keyFromJoinToken(this.#joinToken, mac);
  }

  #put(row: Row): void {
    const { database } = this.#store;
    this.#store.write(() => {
      database
        .prepare(
          "INSERT INTO ap_credential (mac, key, since) VALUES (?, ?, ?) ON CONFLICT (mac) DO UPDATE SET key = excluded.key, since = excluded.since",
        )
        .run(row.mac, row.key, row.since);
      new Seals(database).seal("ap_credential", row.mac);
    });
    this.#rows.set(row.mac, row);
  }
}

const viewOf = ({ mac, key, since }: Row): CredentialView => ({ mac, state: key === null ? "revoked" : "active", since });
