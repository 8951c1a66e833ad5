/**
 * How a command on the same machine and under the same account reaches a controller without a login: the controller leaves a token,
 * new at each start, in a file that only this account can read, under the name of its admin port.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

const folderOf = (env: Environment): string => join(env["XDG_STATE_HOME"] ?? join(env["HOME"] ?? homedir(), ".local", "state"), "flexup");
const fileOf = (env: Environment, port: number): string => join(folderOf(env), `admin-${port}.token`);

/** @throws when the account has no place for it; the controller goes on without */
export function writeLocalToken(env: Environment, port: number, token: string): void {
  mkdirSync(folderOf(env), { recursive: true, mode: 0o700 });
  rmSync(fileOf(env, port), { force: true });
  writeFileSync(fileOf(env, port), token, { mode: 0o600, flag: "wx" });
}

export const removeLocalToken = (env: Environment, port: number): void => rmSync(fileOf(env, port), { force: true });

export function readLocalToken(env: Environment, port: number): string | undefined {
  try {
    return readFileSync(fileOf(env, port), "utf8");
  } catch {
    return undefined;
  }
}
