/** Settings of `flexup controller`: command line over YAML file over defaults. */

import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { type Endpoint, parseHostPort } from "../base/endpoint.js";
import { type Failure, failure, type Result, success } from "../base/failure.js";
import { isIpAddress, isLoopback } from "../base/ip-address.js";
import { parseScaled } from "../base/scaled-number.js";
import { type ControllerTimings, defaultTimings, labTimings } from "../core/controller/timings.js";
import { limits, type PlatformName, platforms } from "../core/upgrade/limits.js";
import { logLevels } from "../runtime/log.js";
import { linkContradiction, linkOptions } from "./link-options.js";

const controlPort = 5246;
const adminPort = 8080;
const sshPort = 2222;
const platformNames = Object.keys(platforms) as [PlatformName, ...PlatformName[]];

/** An address of this host as text and a port: `127.0.0.1:5246`, `[::1]:0`, `0.0.0.0`. */
const listenAddress = (defaultPort: number) =>
  z.string().transform((text, context): Endpoint => {
    const parsed = parseHostPort(text, defaultPort);
    const address = parsed?.host === "localhost" ? "127.0.0.1" : parsed?.host;
    if (parsed !== undefined && address !== undefined && isIpAddress(address)) return { address, port: parsed.port };
    context.addIssue({
      code: "custom",
      message: `"${text}" is not a valid address: expected one like 127.0.0.1:${defaultPort} or [::]:${defaultPort}`,
    });
    return z.NEVER;
  });

/** A rate as text with a unit (`2M`, `500k`) or as a number, in bytes per second. */
const byteRate = z.union([z.string(), z.number()]).transform((value, context): number => {
  const bytesPerSecond = Math.round(parseScaled(String(value)) ?? 0);
  const { min } = limits.wanBytesPerSecond;
  if (bytesPerSecond >= min) return bytesPerSecond;
  context.addIssue({
    code: "custom",
    message: `"${value}" is not a valid rate: expected bytes per second such as 500k or 2M, at least ${min}`,
  });
  return z.NEVER;
});

/** The admin API of another controller. It receives a token, so beyond this host it must use HTTPS. */
const peerUrl = z.string().transform((text, context): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare = url !== undefined && url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(hostOf(url)));
  if (isBare && isSafe) return url.origin;
  context.addIssue({
    code: "custom",
    message: `"${text}" is not a valid peer address: expected one like https://wlc2.example:8443 (http on loopback only)`,
  });
  return z.NEVER;
});
const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "");

const milliseconds = z.number().positive();
const timings = z
  .object({
    primaryGraceMs: milliseconds,
    rejoinGraceMs: milliseconds,
    absentMs: milliseconds,
    silenceMs: milliseconds,
    resyncMs: milliseconds,
    heldBackMs: milliseconds,
    actReplyMs: milliseconds,
    resetRejoinMs: milliseconds,
    activationSteadyMs: milliseconds,
  } satisfies Record<keyof ControllerTimings, z.ZodType>)
  .partial();

const schema = z.strictObject({
  data: z.string({ error: "expected the controller's data folder" }).min(1),
  listen: listenAddress(controlPort).prefault(`0.0.0.0:${controlPort}`),
  admin: listenAddress(adminPort).prefault(`127.0.0.1:${adminPort}`),
  /** The operator's shell over SSH; null for none. */
  ssh: listenAddress(sshPort).nullable().default(null),
  tlsCert: z.string().min(1).optional(),
  tlsKey: z.string().min(1).optional(),
  ...linkOptions,
  /** A root.json: images are taken only with a bundle that is signed under it. */
  trustRoot: z.string().min(1).optional(),
  platform: z.enum(platformNames, { error: `expected ${platformNames.join(", ")}` }).default("default"),
  lab: z.boolean().default(false),
  name: z.string().min(1).max(512).default("flexup"),
  log: z.enum(logLevels).default("info"),
  sessions: z.int().min(limits.sessions.min).max(limits.sessions.max).default(limits.sessions.default),
  wanTransfers: z.int().min(1).max(10_000).default(100),
  /** Bytes per second of all WAN transfers together; null for no cap. */
  wanRate: byteRate.nullable().default(null),
  downloadAtJoin: z.boolean().default(false),
  /** The other controller of the network, whose images must be the same; null for none. */
  peer: peerUrl.nullable().default(null),
  peerTokenFile: z.string().min(1).optional(),
  peerCert: z.string().min(1).optional(),
  peerMismatch: z.enum(["refuse", "warn"], { error: "expected refuse or warn" }).default("refuse"),
  imageBytesMax: z
    .int()
    .min(1)
    .default(4 * 2 ** 30),
  timings: timings.prefault({}),
});

export type ControllerSettings = Omit<z.output<typeof schema>, "timings"> & { readonly timings: ControllerTimings };

/** Options given on the command line, by long name. */
export type ControllerOptions = Partial<Record<keyof z.input<typeof schema> | "config", unknown>>;

/** Failures: `config-unreadable`, `invalid-config`. */
export function readControllerSettings({ config, ...options }: ControllerOptions): Result<ControllerSettings> {
  const file = config === undefined ? success({}) : readYaml(String(config));
  if (!file.ok) return file;
  const parsed = schema.safeParse({ ...file.value, ...options });
  if (!parsed.success) return { ok: false, failure: describe(parsed.error, config === undefined ? undefined : String(config), options) };
  const { peer, admin } = parsed.data;
  const contradiction = linkContradiction(parsed.data);
  if (contradiction !== undefined) return failure("invalid-config", contradiction);
  if (peer !== null && isOwn(new URL(peer), admin)) return failure("invalid-config", `--peer: ${peer} is this controller itself`);
  const base = parsed.data.lab ? labTimings : defaultTimings;
  return success({ ...parsed.data, timings: { ...base, ...(parsed.data.timings as Partial<ControllerTimings>) } });
}

const isOwn = (peer: URL, { address, port }: Endpoint): boolean =>
  hostOf(peer) === address && (Number(peer.port) || (peer.protocol === "https:" ? 443 : 80)) === port;

function readYaml(path: string): Result<object> {
  try {
    const value: unknown = parse(readFileSync(path, "utf8"));
    if (value === null) return success({});
    if (typeof value === "object" && !Array.isArray(value)) return success(value);
    return failure("invalid-config", `${path} is not a valid configuration: expected lines like "data: /var/lib/flexup"`);
  } catch (error) {
    const [line] = (error as Error).message.split("\n");
    return failure("config-unreadable", `${path} cannot be read: ${line}`);
  }
}

/** One line: the place of each invalid value and what was expected. */
function describe(error: z.ZodError, file: string | undefined, options: object): Failure {
  const lines = error.issues.map(({ path, message }) => {
    const name = path.join(".");
    const fromOption = file === undefined || Object.hasOwn(options, String(path[0]));
    const place = fromOption ? (name === "" ? "" : `--${kebab(name)}: `) : name === "" ? `${file}: ` : `${file}, ${name}: `;
    return place + message;
  });
  return { code: "invalid-config", message: lines.join("; ") };
}

/** `wanRate` is `--wan-rate` on the command line. */
const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
