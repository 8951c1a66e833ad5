/** Protects clients by headers, and the server from malformed, slow and too many requests. */
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { endpointText } from "../base/endpoint.js";
import type { Log } from "../runtime/log.js";
import { ConnectionLimit, type ConnectionLimits } from "./connection-limit.js";
import { callerText } from "./roles.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** No time limit for its body. */
    longBody?: true;
  }
}

/** On every response; whatever serves pages overrides the policy for them. */
export const protectiveHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** The page that shows the API document: its own files, and the styles that its script sets. */
export const docsPolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Ends a connection whose request has no complete body after `bodyMsMax`: anybody may begin one, for example a login. */
export function limitBodyTime(app: FastifyInstance, bodyMsMax: number): void {
  const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>();
  app.addHook("preParsing", async (request) => {
    const { headers, raw, routeOptions } = request;
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    if (!hasBody || routeOptions.config.longBody) return;
    const timer = setTimeout(() => raw.destroy(), bodyMsMax).unref();
    timers.set(request, timer);
    raw.once("close", () => clearTimeout(timer));
  });
  app.addHook("preValidation", async (request) => clearTimeout(timers.get(request)));
}

/** Browsers keep some six connections each; a script may have hundreds. */
const connectionLimits: ConnectionLimits = { connectionsMax: 4000, strangersPerNetworkMax: 256, connectionsPerUserMax: 1000 };

/** Bounds the connections of the port. One that carried a request with a login counts as that user's from then on. */
export function limitConnections(app: FastifyInstance, log: Log): void {
  const sockets = new Map<string, Socket>();
  const limit = new ConnectionLimit<Socket>(connectionLimits, (socket, reason) => {
    log.pino.debug({ event: "connection-closed", from: socket.remoteAddress }, reason);
    socket.destroy();
  });
  // The TCP connection, also below TLS, where requests know another socket with the same endpoint.
  app.server.on("connection", (socket: Socket) => {
    const key = keyOf(socket);
    sockets.set(key, socket);
    socket.on("close", () => {
      limit.closed(socket);
      if (sockets.get(key) === socket) sockets.delete(key);
    });
    limit.open(socket, socket.remoteAddress ?? "");
  });
  app.addHook("preParsing", async ({ caller, raw }) => {
    const socket = sockets.get(keyOf(raw.socket));
    if (socket === undefined) return;
    if (caller === null || caller === undefined) limit.touch(socket);
    else limit.logIn(socket, callerText(caller));
  });
}

const keyOf = ({ remoteAddress = "", remotePort = 0 }: Socket): string => endpointText({ address: remoteAddress, port: remotePort });
