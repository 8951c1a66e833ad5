/**
 * Asks the other controller of the network for its images, like any client of its API. Its answer is untrusted: it may
 * be late, endless or nonsense, and costs no more than the limits here.
 */

import { X509Certificate } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { z } from "zod";
import { oneLine } from "../base/one-line.js";
import type { PeerAnswer, PeerImage } from "../core/controller/peer-parity.js";
import { apiPrefix, orderPaths } from "./order-paths.js";
import { failureBody, releaseName } from "./schema.js";

export interface PeerAddress {
  /** `https://host:port`, or `http` on loopback. */
  readonly url: URL;
  /** An API token of the role `read-only` there. */
  readonly token: string | undefined;
  /** PEM: the peer's own self-signed certificate, or the authority that signed it; undefined: the system's authorities. */
  readonly certificate: string | undefined;
}

/** A thousand images of a hundred models each are not half of it. */
const answerBytesMax = 4 * 2 ** 20;
/** Model patterns over all images: each may be compared with each of ours. */
const patternsMax = 5_000;
const answerMsMax = 10_000;
const troubleOctetsMax = 200;

/** What counts of `GET /images`, by the rules that this controller's own images keep. */
const peerImages = z
  .array(
    z.object({
      release: releaseName,
      models: z
        .array(z.string().regex(/^[ -~]{1,64}$/))
        .min(1)
        .max(500),
      version: z.string().regex(/^[!-~]{1,64}$/),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  )
  .max(1000)
  .refine((images) => images.reduce((count, { models }) => count + models.length, 0) <= patternsMax) satisfies z.ZodType<
  readonly PeerImage[]
>;

/** Never rejects: whatever goes wrong is the answer's `trouble`. Given up when `signal` is. */
export async function askPeerImages(peer: PeerAddress, signal: AbortSignal): Promise<PeerAnswer> {
  try {
    const response = await answerOf(peer, AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]));
    return imagesOf(response.status, response.text);
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException;
    const why = name === "TimeoutError" ? `no whole answer in ${answerMsMax / 1000} seconds` : message || code || name;
    return { trouble: oneLine(why, troubleOctetsMax) };
  }
}

function answerOf({ url, token, certificate }: PeerAddress, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const options: RequestOptions = {
    signal,
    agent: false,
    headers: { accept: "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(certificate !== undefined && { ca: certificate, checkServerIdentity: identityCheck(certificate) }),
  };
  const target = new URL(apiPrefix + orderPaths["show-images"].path, url);
  return new Promise((resolve, reject) => {
    // The signal ends both a request without response and a body that drips; its reason says which.
    const failed = (error: Error): void => reject(signal.aborted ? signal.reason : error);
    const request = target.protocol === "https:" ? httpsRequest : httpRequest;
    const asked = request(target, options, (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), failed);
    });
    asked.on("error", failed);
    asked.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error(`the answer is longer than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A certificate that is pinned itself needs no name in it that fits: it is the peer's, whatever its address. */
function identityCheck(pem: string): (host: string, certificate: PeerCertificate) => Error | undefined {
  const pinned = new X509Certificate(pem).fingerprint256;
  return (host, certificate) => (certificate.fingerprint256 === pinned ? undefined : checkServerIdentity(host, certificate));
}

function imagesOf(status: number, text: string): PeerAnswer {
  if (status !== 200) {
    const refusal = failureBody.safeParse(jsonOf(text));
    return { trouble: oneLine(refusal.success ? `HTTP ${status}: ${refusal.data.message}` : `HTTP ${status}`, troubleOctetsMax) };
  }
  const parsed = peerImages.safeParse(jsonOf(text));
  return parsed.success ? { images: parsed.data } : { trouble: "the answer is not a list of images; check that it is a flexup controller" };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
