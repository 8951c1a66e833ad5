import { failure, type Result, success } from "../../base/failure.js";
import { isIPv6 } from "../../base/ip-address.js";

export const TFTP_PORT = 69;

export interface TftpUrl {
  /** Name or numeric address, without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly fileName: string;
}

/** `tftp://host[:port]/name[;mode=octet]` (RFC 3617). The name is what follows the first slash, percent-decoded. */
export function parseTftpUrl(text: string): Result<TftpUrl> {
  const match = /^tftp:\/\/(\[[^\]/]+\]|[^:/[\]@]+)(?::(\d{1,5}))?\/(.+)$/i.exec(text);
  const wrong = (what: string): Result<TftpUrl> => failure("wrong-url", `"${text}": ${what}; expected tftp://host[:port]/name`);
  if (match === null) return wrong("not a TFTP URL");
  const [, bracketed = "", portText, rest = ""] = match;
  const port = portText === undefined ? TFTP_PORT : Number(portText);
  if (port < 1 || port > 65535) return wrong(`port ${portText} is not 1–65535`);
  const [, path = "", mode] = /^(.*?)(?:;mode=(\w+))?$/i.exec(rest) ?? [];
  if (mode !== undefined && mode.toLowerCase() !== "octet") return wrong(`mode ${mode} is not supported, only octet`);
  const fileName = decoded(path);
  if (fileName === undefined || fileName === "" || fileName.includes("\0")) return wrong("the name cannot be sent by TFTP");
  const host = bracketed.replace(/^\[|\]$/g, "").replace("%25", "%");
  if (bracketed.startsWith("[") && !isIPv6(host)) return wrong("brackets are for IPv6 addresses");
  return success({ host, port, fileName });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
