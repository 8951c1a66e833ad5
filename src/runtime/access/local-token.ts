/**
 * How a command on the same machine and account reaches a controller without a login: the controller leaves a token, new at
 * each start, in a file that only this account can read. The token names the endpoint that it is for, so that a command sends it
 * nowhere else: another account may listen on the same port of another address.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Endpoint, endpointText, parseHostPort } from "../../base/endpoint.js";
import { isIPv6, isLoopback } from "../../base/ip-address.js";

type Environment = Readonly<Record<string, string | undefined>>;

const folderOf = (env: Environment): string => join(env["XDG_STATE_HOME"] ?? join(env["HOME"] ?? homedir(), ".local", "state"), "flexup");

/** @returns the token text: endpoint and secret, in characters that a header may carry (RFC 6750 §2.1) */
export const localTokenText = (endpoint: Endpoint, secret: string): string =>
  `${Buffer.from(endpointText(endpoint)).toString("base64url")}.${secret}`;

/** The endpoint that a token is for; undefined for other text. */
function endpointOf(token: string): Endpoint | undefined {
  const [encoded, secret] = token.split(".");
  if (encoded === undefined || secret === undefined) return undefined;
  const named = parseHostPort(Buffer.from(encoded, "base64url").toString(), 0);
  return named && { address: named.host, port: named.port };
}

/**
 * Writes `admin-PORT.token`, or `admin-PORT-ADDRESS.token` beside that of another controller on the same port.
 * @throws if the account has no place for it; the controller works without
 */
export function writeLocalToken(env: Environment, endpoint: Endpoint, token: string): void {
  const folder = folderOf(env);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  removeLocalToken(env, endpoint);
  const text = endpointText(endpoint);
  const own = [`admin-${endpoint.port}.token`, `admin-${endpoint.port}-${text.replace(/[^\w.]/g, "_")}.token`];
  for (const [index, name] of own.entries()) {
    try {
      writeFileSync(join(folder, name), token, { mode: 0o600, flag: "wx" });
      return;
    } catch (error) {
      if (index === own.length - 1 || (error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

/** Removes the token of this endpoint, which is ours or was left by a controller that was killed, and no other one. */
export function removeLocalToken(env: Environment, endpoint: Endpoint): void {
  for (const { path, token } of tokensOn(env, endpoint.port)) {
    const owner = endpointOf(token);
    if (owner === undefined || endpointText(owner) === endpointText(endpoint)) rmSync(path, { force: true });
  }
}

/** A controller of this account, and the token for it. */
export interface LocalAccess {
  /** As the URL names it; for `localhost` over HTTP the controller's own address, since that name may lead to another listener. */
  readonly url: URL;
  readonly token: string;
}

/** The token for the controller at `url`; undefined if this account has none for exactly that endpoint. */
export function findLocalAccess(env: Environment, url: URL): LocalAccess | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  for (const { token } of tokensOn(env, port)) {
    const endpoint = endpointOf(token);
    if (endpoint === undefined) continue;
    if (host !== "localhost" && isReachedAt(endpoint.address, host)) return { url, token };
    if (host === "localhost") return { url: url.protocol === "https:" ? url : at(url, loopbackOf(endpoint.address)), token };
  }
  return undefined;
}

/** Whether a listener on `address` is the only one that a loopback `host` can lead to. */
function isReachedAt(address: string, host: string): boolean {
  if (!isLoopback(host)) return false;
  if (address === "0.0.0.0") return !isIPv6(host);
  return address === "::" || address === host;
}

const loopbackOf = (address: string): string => (address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address);

function at(url: URL, address: string): URL {
  const moved = new URL(url);
  moved.hostname = isIPv6(address) ? `[${address}]` : address;
  return moved;
}

function tokensOn(env: Environment, port: number): { readonly path: string; readonly token: string }[] {
  const folder = folderOf(env);
  const pattern = new RegExp(`^admin-${port}(?:-.*)?\\.token$`);
  try {
    const names = readdirSync(folder).filter((name) => pattern.test(name));
    return names.map((name) => ({ path: join(folder, name), token: readFileSync(join(folder, name), "utf8") }));
  } catch {
    return [];
  }
}
