/**
 * Sub-elements of WTP Descriptor (RFC 5415 §4.6.41), WTP Board Data (§4.6.40) and AC Descriptor (§4.6.1) by name. A value that
 * is not text is given as hexadecimal: some peers put binary numbers where the RFC asks for text.
 */
import { textOf, utf8 } from "../../base/bytes.js";
import { hexOf } from "../../base/hex.js";
import { type MacAddress, macFromBytes, macToBytes } from "../../base/mac-address.js";
import { isOneLine } from "../../base/one-line.js";
import type { ElementValue } from "./elements.js";

const wtpInformation = { hardware: 0, activeSoftware: 1, boot: 2, otherSoftware: 3 } as const;
const boardData = { model: 0, serial: 1, boardId: 2, revision: 3, baseMac: 4 } as const;
const acInformation = { hardware: 4, software: 5 } as const;

interface SubElement {
  readonly type: number;
  readonly value: Uint8Array;
}

function readable(raw: Uint8Array): string {
  let end = raw.length;
  while (end > 0 && raw[end - 1] === 0) end--;
  const decoded = textOf(raw.subarray(0, end));
  if (decoded !== undefined && isOneLine(decoded)) return decoded;
  return hexOf(raw);
}

const textsOf = (list: readonly SubElement[], type: number): string[] =>
  list.filter((entry) => entry.type === type).map((entry) => readable(entry.value));

export interface WtpVersions {
  readonly hardware: string;
  readonly activeSoftware: string;
  readonly boot: string;
  /** Images in flash that do not run. */
  readonly otherSoftware: readonly string[];
}

/** Undefined where one of the three mandatory sub-elements is missing. */
export function wtpVersionsOf(descriptor: ElementValue<"wtpDescriptor">): WtpVersions | undefined {
  const [hardware] = textsOf(descriptor.information, wtpInformation.hardware);
  const [activeSoftware] = textsOf(descriptor.information, wtpInformation.activeSoftware);
  const [boot] = textsOf(descriptor.information, wtpInformation.boot);
  if (hardware === undefined || activeSoftware === undefined || boot === undefined) return undefined;
  return { hardware, activeSoftware, boot, otherSoftware: textsOf(descriptor.information, wtpInformation.otherSoftware) };
}

export function wtpDescriptor(versions: WtpVersions, radios: number): ElementValue<"wtpDescriptor"> {
  const entry = (type: number, value: string) => ({ vendor: 0, type, value: utf8(value) });
  return {
    radiosMax: radios,
    radiosInUse: radios,
    encryption: [{ wirelessBinding: 1, capabilities: 0 }],
    information: [
      entry(wtpInformation.hardware, versions.hardware),
      entry(wtpInformation.activeSoftware, versions.activeSoftware),
      entry(wtpInformation.boot, versions.boot),
      ...versions.otherSoftware.map((version) => entry(wtpInformation.otherSoftware, version)),
    ],
  };
}

export interface WtpBoard {
  readonly model: string;
  readonly serial: string;
  /** Optional in the RFC. */
  readonly baseMac: MacAddress | undefined;
}

/** Undefined where model or serial number, which are mandatory, is missing. */
export function wtpBoardOf({ data }: ElementValue<"wtpBoardData">): WtpBoard | undefined {
  const [model] = textsOf(data, boardData.model);
  const [serial] = textsOf(data, boardData.serial);
  const baseMac = data.find((entry) => entry.type === boardData.baseMac && entry.value.length === 6);
  if (model === undefined || serial === undefined) return undefined;
  return { model, serial, baseMac: baseMac && macFromBytes(baseMac.value) };
}

/** @param vendor IANA enterprise number of the maker, not zero */
export function wtpBoardData(vendor: number, board: WtpBoard & { readonly baseMac: MacAddress }): ElementValue<"wtpBoardData"> {
  return {
    vendor,
    data: [
      { type: boardData.model, value: utf8(board.model) },
      { type: boardData.serial, value: utf8(board.serial) },
      { type: boardData.baseMac, value: macToBytes(board.baseMac) },
    ],
  };
}

/** Hardware and software version of an AC, both mandatory. */
export const acInformationBlocks = (hardware: string, software: string): ElementValue<"acDescriptor">["information"] => [
  { vendor: 0, type: acInformation.hardware, value: utf8(hardware) },
  { vendor: 0, type: acInformation.software, value: utf8(software) },
];
