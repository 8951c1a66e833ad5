/** Asking a peer controller for its images: a real one, and everything that a stranger may answer instead. */
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Test } from "tap";
import t from "tap";
import { askPeerImages } from "../../src/admin/peer-images.js";
import { ownTlsIdentity } from "../../src/runtime/access/own-certificate.js";
import { guarded } from "../support/admin.js";
import { digest } from "../support/controller-lab.js";
import { temporaryFolder } from "../support/folder.js";

const never = new AbortController().signal;
const plain = { token: undefined, certificate: undefined };
const image = { release: "primary", models: ["AIR-AP3702I"], version: "9.0", sha256: digest("a") };
const listed = { ...image, id: "x", families: ["c3700"], sizeBytes: 1, md5: "b".repeat(32), fileName: "f", addedAt: 1 };

async function stranger(t: Pick<Test, "teardown">, listener: RequestListener, host = "127.50.4.1"): Promise<URL> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://${host}:${(server.address() as AddressInfo).port}`);
}

t.test("a controller's own list, with a token that may read", async (t) => {
  const { url, operator, accounts } = await guarded(t);
  operator.answer = () => ({ ok: true, value: [listed] });
  const { token } = accounts.addToken("peer", "read-only");
  t.same(await askPeerImages({ ...plain, url, token }, never), { images: [image] });
  t.match(await askPeerImages({ ...plain, url, token: "wrong" }, never), { trouble: /^HTTP 401: This token is not valid/ });
});

const lists = (change: object): RequestListener => {
  return (_request, response) => response.end(JSON.stringify([{ ...listed, ...change }]));
};
const strangers: readonly (readonly [what: string, listener: RequestListener, trouble: RegExp])[] = [
  ["no JSON", (_request, response) => response.end("<html>"), /not a list of images/],
  ["another shape", (_request, response) => response.end('{"images":[]}'), /not a list of images/],
  ["a redirect is not followed", (_request, response) => response.writeHead(302, { location: "http://127.50.4.9/" }).end(), /^HTTP 302$/],
  ["a refusal with line breaks", (_request, response) => response.writeHead(503).end('{"code":"x","message":"a\\nb"}'), /^HTTP 503: a b$/],
  ["a version with a line break", lists({ version: "9\n0" }), /not a list of images/],
  ["a digest that is none", lists({ sha256: "a" }), /not a list of images/],
  ["a model with control characters", lists({ models: ["\u001b[2J"] }), /not a list of images/],
  ["an end before the end", (_request, response) => response.writeHead(200, { "content-length": 9 }).end("["), /./],
  ["a body without end", (_request, response) => endless(() => response.write("x".repeat(65_536))), /longer than 4194304 bytes/],
];
const endless = (write: () => boolean): void => {
  const timer = setInterval(() => {
    for (let count = 0; count < 20; count++) write();
  }, 1);
  timer.unref();
  setTimeout(() => clearInterval(timer), 3000).unref();
};
for (const [what, listener, trouble] of strangers) {
  t.test(`${what}: trouble in one line`, async (t) => {
    const answer = await askPeerImages({ ...plain, url: await stranger(t, listener) }, never);
    t.match(answer, { trouble });
    t.match(answer, { trouble: /^[^\n]{1,200}$/ });
  });
}

t.test("nobody there, and a peer that says nothing until the asker gives up", async (t) => {
  const url = await stranger(t, () => {});
  const giveUp = new AbortController();
  setTimeout(() => giveUp.abort(new Error("the controller stops")), 50);
  t.same(await askPeerImages({ ...plain, url }, giveUp.signal), { trouble: "the controller stops" });
  t.match(await askPeerImages({ ...plain, url: new URL("http://127.50.4.2:9") }, never), { trouble: /ECONNREFUSED/ });
});

t.test("TLS: the pinned certificate whatever the address, and nobody else's", async (t) => {
  const own = ownTlsIdentity(join(temporaryFolder(t), "tls"));
  const other = ownTlsIdentity(join(temporaryFolder(t), "tls"));
  const server = createTlsServer(own, lists({}));
  // Not an address that the certificate names.
  await new Promise<void>((resolve) => server.listen(0, "127.50.4.3", resolve));
  t.teardown(() => server.close());
  const url = new URL(`https://127.50.4.3:${(server.address() as AddressInfo).port}`);
  t.same(await askPeerImages({ url, token: "secret", certificate: own.cert }, never), { images: [image] });
  t.match(await askPeerImages({ url, token: "secret", certificate: other.cert }, never), { trouble: /self-signed|certificate/ });
  t.match(await askPeerImages({ url, token: "secret", certificate: undefined }, never), { trouble: /self-signed|certificate/ });
});
