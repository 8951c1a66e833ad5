/**
 * Decides which connection of a listening port has to close when there are too many. Strangers compete with strangers of the
 * same network first, users with their own connections, and a stranger never displaces a user.
 */
import { networkOf } from "../base/ip-address.js";

export interface ConnectionLimits {
  readonly connectionsMax: number;
  /** Connections without a login from one IPv4 address or IPv6 /64. */
  readonly strangersPerNetworkMax: number;
  readonly connectionsPerUserMax: number;
}

interface Place<Connection> {
  readonly connection: Connection;
  owner: Owner<Connection>;
}

/** A network before the login, a user after it. Its connections, the one idle longest first. */
interface Owner<Connection> {
  readonly key: string;
  readonly loggedIn: boolean;
  readonly places: Set<Place<Connection>>;
}

export class ConnectionLimit<Connection> {
  readonly #limits: ConnectionLimits;
  readonly #close: (connection: Connection, reason: string) => void;
  readonly #places = new Map<Connection, Place<Connection>>();
  readonly #owners = new Map<string, Owner<Connection>>();

  /** @param close ends a connection that has lost its place */
  constructor(limits: ConnectionLimits, close: (connection: Connection, reason: string) => void) {
    this.#limits = limits;
    this.#close = close;
  }

  get size(): number {
    return this.#places.size;
  }

  connections(): Iterable<Connection> {
    return this.#places.keys();
  }

  /** A new connection; another one may close for it, or it itself where only users are connected. */
  open(connection: Connection, address: string): void {
    const owner = this.#owner(`network ${networkOf(address, { ipv4: 32, ipv6: 64 })}`, false);
    const place = { connection, owner };
    this.#places.set(connection, place);
    owner.places.add(place);
    if (owner.places.size > this.#limits.strangersPerNetworkMax)
      this.#closeIdlest(owner, "too many connections without a login from its network");
    else if (this.#places.size > this.#limits.connectionsMax) this.#closeIdlest(this.#largestOwner(), "too many connections");
  }

  /** The connection proved to belong to a user. */
  logIn(connection: Connection, user: string): void {
    const place = this.#places.get(connection);
    const key = `user ${user}`;
    if (place === undefined) return;
    if (place.owner.key === key) {
      this.#touch(place);
      return;
    }
    this.#leave(place);
    place.owner = this.#owner(key, true);
    place.owner.places.add(place);
    if (place.owner.places.size > this.#limits.connectionsPerUserMax) this.#closeIdlest(place.owner, "too many connections of its user");
  }

  /** The connection is in use. */
  touch(connection: Connection): void {
    const place = this.#places.get(connection);
    if (place !== undefined) this.#touch(place);
  }

  closed(connection: Connection): void {
    const place = this.#places.get(connection);
    if (place === undefined) return;
    this.#places.delete(connection);
    this.#leave(place);
  }

  #touch(place: Place<Connection>): void {
    place.owner.places.delete(place);
    place.owner.places.add(place);
  }

  #owner(key: string, loggedIn: boolean): Owner<Connection> {
    const known = this.#owners.get(key);
    if (known !== undefined) return known;
    const owner = { key, loggedIn, places: new Set<Place<Connection>>() };
    this.#owners.set(key, owner);
    return owner;
  }

  #leave(place: Place<Connection>): void {
    place.owner.places.delete(place);
    if (place.owner.places.size === 0) this.#owners.delete(place.owner.key);
  }

  /** Of the networks where there is one, else of the users. */
  #largestOwner(): Owner<Connection> {
    let largest: Owner<Connection> | undefined;
    for (const owner of this.#owners.values()) {
      if (largest === undefined || isLarger(owner, largest)) largest = owner;
    }
    return largest as Owner<Connection>;
  }

  #closeIdlest({ places }: Owner<Connection>, reason: string): void {
    const [idlest] = places;
    if (idlest === undefined) return;
    this.closed(idlest.connection);
    this.#close(idlest.connection, reason);
  }
}

const isLarger = (a: Owner<unknown>, b: Owner<unknown>): boolean =>
  a.loggedIn === b.loggedIn ? a.places.size > b.places.size : b.loggedIn;
