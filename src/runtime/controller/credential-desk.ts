/** Carries out the orders on credentials: keys are drawn and kept here, and the machine never sees one. */
import { failure, type Result, success } from "../../base/failure.js";
import { type MacAddress, parseMac } from "../../base/mac-address.js";
import type { CarriedOut, ResultOf } from "../../core/controller/operator/order-results.js";
import type { CredentialOrder } from "../../core/controller/operator/orders.js";
import type { ApCredentials } from "../access/ap-credentials.js";
import { StoreReadOnly } from "./store/store.js";

type Answer = CarriedOut<CredentialOrder["type"]>;

export class CredentialDesk {
  readonly #credentials: ApCredentials;
  readonly #onRevoked: (mac: MacAddress) => void;

  /** @param onRevoked the AP's former key is void: its links must end */
  constructor(credentials: ApCredentials, onRevoked: (mac: MacAddress) => void) {
    this.#credentials = credentials;
    this.#onRevoked = onRevoked;
  }

  carryOut(order: CredentialOrder): Answer {
    if (order.type === "credential-list") return { result: success(this.#credentials.list()), changes: [] };
    const mac = parseMac(order.mac);
    if (mac === undefined) {
      return refused(failure("invalid-mac", `"${order.mac}" is not a valid MAC address: expected one like 00:0a:b8:3b:0b:c2`));
    }
    try {
      return order.type === "credential-add" ? this.#add(mac) : this.#delete(mac);
    } catch (error) {
      if (!(error instanceof StoreReadOnly)) throw error;
      return refused({ ok: false, failure: error.failure });
    }
  }

  #add(mac: MacAddress): Answer {
    const key = this.#credentials.add(mac);
    this.#onRevoked(mac);
    // What is noted of it is without the key.
    return {
      result: success({ identity: mac, key }),
      changes: [{ kind: "credential", name: mac, change: "added", settings: { state: "active" } }],
    };
  }

  #delete(mac: MacAddress): Answer {
    if (!this.#credentials.revoke(mac)) {
      return refused(failure("unknown-credential", `${mac} has no credential; "show ap credential" lists the APs that have one`));
    }
    this.#onRevoked(mac);
    return { result: success(null), changes: [{ kind: "credential", name: mac, change: "removed", settings: { state: "active" } }] };
  }
}

const refused = (result: Extract<Result<never>, { readonly ok: false }>): Answer => ({
  result: result as Result<ResultOf<CredentialOrder["type"]>>,
  changes: [],
});
