/** Long responses are compressed for clients on other machines that accept it: the snapshot of a thousand APs is 790 kB of JSON and 30 kB by gzip. */

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isLoopback } from "../base/ip-address.js";

/** Responses with a secret are far shorter: compressed together with text that others choose, their length would reveal it (BREACH). */
const lengthMin = 16 * 1024;
const compressed = promisify(gzip);

/** For every route of `app` whose answer is one text. A stream, such as the events', passes as it is. */
export function compressLongAnswers(app: FastifyInstance): void {
  app.addHook("onSend", async (request, reply, payload) => {
    if (typeof payload !== "string" || payload.length < lengthMin || reply.hasHeader("content-encoding")) return payload;
    reply.header("vary", "accept-encoding");
    // On this machine the bytes cost nothing and the work does.
    if (isLoopback(request.ip) || !takesGzip(request)) return payload;
    reply.header("content-encoding", "gzip").removeHeader("content-length");
    return compressed(payload);
  });
}

function takesGzip({ headers }: FastifyRequest): boolean {
  const codings = String(headers["accept-encoding"] ?? "").split(",");
  return codings.some((coding) => /^\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(coding));
}
