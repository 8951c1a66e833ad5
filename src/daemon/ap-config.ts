/** Command line options of `flexup ap`. */
import { z } from "zod";
import { type Endpoint, parseHostPort } from "../base/endpoint.js";
import { failure, type Result, success } from "../base/failure.js";
import { bytesOfHex } from "../base/hex.js";
import { type IpAddress, isIpAddress } from "../base/ip-address.js";
import { type MacAddress, parseMac } from "../base/mac-address.js";
import { isOneLine } from "../base/one-line.js";
import { fitsVendorElements } from "../core/ap/order.js";
import type { ControllerName, ControllerSources } from "../runtime/ap/controller-lookup.js";
import { logLevels } from "../runtime/log.js";
import { ports } from "../wire/capwap/defaults.js";
import { acsOfOption43, acsOfOption138 } from "../wire/capwap/dhcp-options.js";
import { linkContradiction, linkOptions } from "./link-options.js";

/** RFC 1350. */
const tftpPort = 69;
const metricsPort = 9100;

const wholeNumber = (name: string, min: number, max: number) =>
  z
    .string({ error: `expected ${name}` })
    .regex(/^\d{1,16}$/, { error: `expected ${name}`, abort: true })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error: `expected ${name}` });

/** `controller.example:5246,10.0.0.2` */
const controllers = z
  .string({ error: "expected HOST[:PORT], more than one separated by commas" })
  .transform((text, context): readonly ControllerName[] => {
    const names = text.split(",").map((name) => parseHostPort(name.trim(), ports.control));
    const bad = names.findIndex((name) => name === undefined || name.port === 0);
    if (bad < 0) return names as ControllerName[];
    context.addIssue({ code: "custom", message: `"${text.split(",")[bad]}" is not a valid controller: expected HOST[:PORT]` });
    return z.NEVER;
  });

const endpoint = (defaultPort: number, example: string) =>
  z.string({ error: `expected ADDRESS:PORT` }).transform((text, context): Endpoint => {
    const parsed = parseHostPort(text, defaultPort);
    if (parsed !== undefined && isIpAddress(parsed.host)) return { address: parsed.host, port: parsed.port };
    context.addIssue({ code: "custom", message: `"${text}" is not a valid address: expected one like ${example}` });
    return z.NEVER;
  });

const mac = z.string({ error: "expected the AP's MAC address, e.g. 00:0a:b8:3b:0b:c2" }).transform((text, context): MacAddress => {
  const parsed = parseMac(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: `"${text}" is not a valid MAC address: expected one like 00:0a:b8:3b:0b:c2` });
  return z.NEVER;
});

const words = (what: string, max: number) =>
  z
    .string({ error: `expected ${what}` })
    .min(1, { error: `expected ${what}` })
    .max(max)
    .refine(isOneLine, { error: `expected ${what}` });

const dhcpOption = (read: (octets: Uint8Array) => readonly IpAddress[] | undefined, expected: string) =>
  z
    .string({ error: `expected ${expected}, in hexadecimal` })
    .transform((text, context): readonly IpAddress[] => {
      const hex = text.replace(/[:\s]/g, "");
      const addresses = /^(?:[0-9a-fA-F]{2})+$/.test(hex) ? read(bytesOfHex(hex.toLowerCase())) : undefined;
      if (addresses !== undefined) return addresses;
      context.addIssue({ code: "custom", message: `"${text}" is not ${expected}, in hexadecimal` });
      return z.NEVER;
    })
    .default([]);

const schema = z.strictObject({
  data: words("the AP's data folder", 4096),
  name: words("the AP's name", 128),
  mac,
  model: words("the AP's model, e.g. AIR-AP2802I", 128),
  controller: controllers.default([]),
  /** DHCP options as the DHCP client gives them, in hexadecimal. */
  dhcp138: dhcpOption(acsOfOption138, "one or more IPv4 addresses of 4 octets each"),
  dhcp43: dhcpOption(acsOfOption43, "sub-option f1 with IPv4 addresses"),
  dnsDomain: words("a domain", 253).optional(),
  bind: z
    .string()
    .refine((text) => isIpAddress(text), { error: "expected an address of this host" })
    .default("0.0.0.0"),
  tftpPort: wholeNumber("a port, 0 for any", 0, 65_535).default(tftpPort),
  /** Octets per second over all transfers that this AP serves; commander has converted `--tftp-rate` from bits. */
  tftpRate: z.number().positive().optional(),
  tftpSinglePort: z.boolean().default(false),
  /** Where others reach its TFTP server through a NAT; port 0: the port that it serves at. */
  tftpAdvertise: endpoint(0, "192.0.2.1:69").optional(),
  /** Version of the factory image in a new data folder. */
  version: z
    .string()
    .refine((text) => fitsVendorElements(text), { error: "expected a version, e.g. 8.5.161.0" })
    .optional(),
  /** From the first boot of an image to its join; then the AP goes back to the image before. */
  confirmSeconds: wholeNumber("seconds from 10 to 86400", 10, 86_400).default(300),
  onReset: z.enum(["restart", "exit"], { error: "expected restart or exit" }).default("restart"),
  flashBytes: wholeNumber("a number of bytes", 1, Number.MAX_SAFE_INTEGER).optional(),
  metrics: endpoint(metricsPort, `127.0.0.1:${metricsPort}`).optional(),
  ...linkOptions,
  /** The file that the controller printed for this AP. */
  credential: words("the path of a file", 4096).optional(),
  /** A root.json: only images signed under it are taken and booted. */
  trustRoot: words("the path of a root.json", 4096).optional(),
  /** Offer the fast transfer to the controller. */
  fastTransfer: z.boolean().default(true),
  lab: z.boolean().default(false),
  location: words("the AP's location", 256).default("not set"),
  serial: words("the AP's serial number", 64).optional(),
  log: z.enum(logLevels, { error: `expected ${logLevels.join(", ")}` }).default("info"),
});

export type ApSettings = z.output<typeof schema>;

/** RFC 5417's option comes before the vendors' one. */
export const controllerSources = ({ controller, dhcp138, dhcp43, dnsDomain }: ApSettings): ControllerSources => ({
  configured: controller,
  dhcp: [...dhcp138, ...dhcp43],
  domain: dnsDomain,
});

/** Options by their long name, as commander gives them. */
export type ApOptions = Partial<Record<keyof z.input<typeof schema>, unknown>>;

const optionName = (key: string): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Failure: `invalid-option`, naming each wrong option and what was expected. */
export function readApSettings(options: ApOptions): Result<ApSettings> {
  const parsed = schema.safeParse(options);
  if (parsed.success) {
    const contradiction = linkContradiction(parsed.data);
    return contradiction === undefined ? success(parsed.data) : failure("invalid-option", contradiction);
  }
  const lines = parsed.error.issues.map(({ path, message }) => `${optionName(String(path[0]))}: ${message}`);
  return failure("invalid-option", lines.join("; "));
}
