import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { findLocalAccess, localTokenText, removeLocalToken, writeLocalToken } from "../../../src/runtime/access/local-token.js";
import { temporaryFolder } from "../../support/folder.js";

const at = (address: string) => ({ address, port: 8080 });
const found = (env: Record<string, string>, url: string) => {
  const access = findLocalAccess(env, new URL(url));
  return access && [access.url.href, access.token];
};

t.test("two controllers on one port of different addresses keep their own tokens", async (t) => {
  const env = { XDG_STATE_HOME: temporaryFolder(t) };
  const [a, b] = [localTokenText(at("127.0.0.1"), "secret-a"), localTokenText(at("127.0.0.2"), "secret-b")];
  writeLocalToken(env, at("127.0.0.1"), a);
  writeLocalToken(env, at("127.0.0.2"), b);
  t.same(found(env, "http://127.0.0.1:8080"), ["http://127.0.0.1:8080/", a]);
  t.same(found(env, "http://127.0.0.2:8080"), ["http://127.0.0.2:8080/", b]);
  removeLocalToken(env, at("127.0.0.2"));
  t.same(found(env, "http://127.0.0.1:8080"), ["http://127.0.0.1:8080/", a]);
  t.equal(found(env, "http://127.0.0.2:8080"), undefined);
});

t.test("a token goes to the endpoint that it names and nowhere else", async (t) => {
  const env = { XDG_STATE_HOME: temporaryFolder(t) };
  const token = localTokenText(at("127.0.0.1"), "secret");
  writeLocalToken(env, at("127.0.0.1"), token);
  for (const url of [
    "http://[::1]:8080",
    "http://127.0.0.3:8080",
    "http://192.0.2.1:8080",
    "http://evil.example:8080",
    "http://127.0.0.1:8081",
  ])
    t.equal(found(env, url), undefined, url);
  t.same(
    found(env, "http://localhost:8080/"),
    ["http://127.0.0.1:8080/", token],
    "localhost may lead to ::1: the address is taken instead",
  );
});

t.test("a controller on all addresses is reached at every loopback address of that family", async (t) => {
  const env = { XDG_STATE_HOME: temporaryFolder(t) };
  const token = localTokenText(at("0.0.0.0"), "secret");
  writeLocalToken(env, at("0.0.0.0"), token);
  t.same(found(env, "https://127.0.0.1:8080"), ["https://127.0.0.1:8080/", token]);
  t.same(found(env, "https://localhost:8080"), ["https://localhost:8080/", token], "TLS proves the name");
  t.equal(found(env, "http://[::1]:8080"), undefined);
  t.equal(found(env, "http://192.0.2.1:8080"), undefined);
});

t.test("what a killed controller left is replaced, a file of an older format too", async (t) => {
  const folder = temporaryFolder(t);
  const env = { XDG_STATE_HOME: folder };
  writeLocalToken(env, at("127.0.0.1"), localTokenText(at("127.0.0.1"), "old"));
  writeLocalToken(env, at("127.0.0.1"), localTokenText(at("127.0.0.1"), "new"));
  t.same(readdirSync(join(folder, "flexup")), ["admin-8080.token"]);
  t.match(found(env, "http://127.0.0.1:8080"), [/./, /new$/]);
  writeFileSync(join(folder, "flexup", "admin-8080.token"), "a token of version 0.1");
  t.equal(found(env, "http://127.0.0.1:8080"), undefined);
  writeLocalToken(env, at("127.0.0.1"), localTokenText(at("127.0.0.1"), "newer"));
  t.match(found(env, "http://127.0.0.1:8080"), [/./, /newer$/]);
});
