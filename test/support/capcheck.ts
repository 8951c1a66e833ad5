/**
 * Judges a capture of CAPWAP control messages with tshark: every message decodes, its lengths agree, nothing is malformed. tshark
 * itself compares neither Message Element Length nor control flags and does not decode image elements; those rules are here.
 */
import { execFileSync, spawnSync } from "node:child_process";

const elementsThatTsharkLeavesRaw = new Set([
  "Image Data",
  "Image Identifier",
  "Image Information",
  "Initiate Download",
  "Returned Message Element",
  "WTP Radio Statistics",
  "WTP Static IP Address Information",
  "Decryption Error Report",
  "Data Transfer Data",
  "Data Transfer Mode",
  "Duplicate IPv4 Address",
  "Duplicate IPv6 Address",
  "Add MAC ACL Entry",
  "Delete MAC ACL Entry",
]);

export const hasTshark = (): boolean => spawnSync("tshark", ["--version"]).status === 0;

export interface CaptureVerdict {
  readonly messages: number;
  readonly faults: readonly string[];
}

const fields = {
  frame: "frame.number",
  udpLength: "udp.length",
  headerWords: "capwap.header.length",
  fragment: "capwap.header.flags.f",
  reassembledLength: "capwap.reassembled.length",
  preambleType: "capwap.preamble.type",
  messageType: "capwap.control.header.message_type",
  elementLengthField: "capwap.control.header.message_element_length",
  elementTypes: "capwap.message_element.type",
  elementLengths: "capwap.message_element.length",
  elementValues: "capwap.message_element.value",
  flags: "capwap.control.header.flags",
  expert: "_ws.expert.message",
} as const;
type Row = { readonly [Name in keyof typeof fields]: string };

export function checkCapture(path: string, controlPort: number): CaptureVerdict {
  const port = `udp.port==${controlPort}`;
  const preferences = ["capwap.reassemble:TRUE", "capwap.draft_8_cisco:FALSE", "udp.check_checksum:FALSE"].flatMap((name) => ["-o", name]);
  const columns = Object.values(fields).flatMap((name) => ["-e", name]);
  const format = ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=;"];
  const text = execFileSync("tshark", ["-n", "-r", path, "-d", `${port},capwap`, ...preferences, "-Y", port, ...format, ...columns], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 1 << 28,
  });
  const rows = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const cells = line.split("\t");
      return Object.fromEntries(Object.keys(fields).map((name, index) => [name, cells[index] ?? ""])) as Row;
    });
  return { messages: rows.length, faults: rows.flatMap((row) => faultsOf(row).map((fault) => `frame ${row.frame}: ${fault}`)) };
}

function faultsOf(row: Row): string[] {
  if (row.preambleType === "1") return [];
  if (row.headerWords === "") return ["no CAPWAP header"];
  const faults = row.expert.split(";").filter((message) => message !== "" && !isTolerated(message));
  const isFragment = row.fragment === "1" || row.fragment === "True";
  if (row.messageType === "") return isFragment && row.reassembledLength === "" ? faults : [...faults, "no control header"];

  const body = isFragment ? Number(row.reassembledLength) : Number(row.udpLength) - 8 - 4 * Number(row.headerWords);
  const types = numbers(row.elementTypes);
  const lengths = numbers(row.elementLengths);
  const sum = lengths.reduce((total, length) => total + length + 4, 0);
  if (Number(row.elementLengthField) !== body - 8 + 3) faults.push(`Message Element Length ${row.elementLengthField}, not ${body - 5}`);
  if (sum !== body - 8) faults.push(`elements of ${sum} octets in a body of ${body - 8}`);
  if (Number(row.flags) !== 0) faults.push(`control flags ${row.flags}`);
  if (Number(row.messageType) < 1 || Number(row.messageType) > 26) faults.push(`message type ${row.messageType}`);
  for (const [index, type] of types.entries()) {
    const [least, most] = imageElementLengths[type] ?? [0, Number.POSITIVE_INFINITY];
    const length = lengths[index] ?? 0;
    if (length < least || length > most) faults.push(`element ${type} of ${length} octets`);
  }
  // Values of several elements cannot be told apart in this output; an Image Data element stands alone.
  if (types.length === 1 && types[0] === imageData) {
    const dataType = row.elementValues.replaceAll(":", "").slice(0, 2);
    if (!["01", "02", "05"].includes(dataType)) faults.push(`Image Data type 0x${dataType}`);
    if (dataType === "05" && lengths[0] !== 1) faults.push("Image Data type 5 with data");
  }
  return faults;
}

const imageData = 24;

/** Image Data, Image Identifier, Image Information, Initiate Download. */
const imageElementLengths: Readonly<Record<number, readonly [number, number]>> = {
  [imageData]: [1, 1025],
  25: [5, 1028],
  26: [20, 20],
  27: [0, 0],
};

const numbers = (cell: string): number[] => (cell === "" ? [] : cell.split(";").map(Number));

function isTolerated(message: string): boolean {
  const undecoded = /^Dissector for CAPWAP Message Element \(([^)]*)\)/
    .exec(message)?.[1]
    ?.replace(/ type not implemented.*/, "")
    .trim();
  return message.startsWith("Possible traceroute") || (undecoded !== undefined && elementsThatTsharkLeavesRaw.has(undecoded));
}
