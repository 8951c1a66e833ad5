/** Control messages as typed values, both ways, driven by the tables of `messages.ts` and `elements.ts`. */
import type { Malformed } from "../../base/bytes.js";
import { type AnyField, readWhole } from "../../base/field-table.js";
import { invariant } from "../../base/invariant.js";
import { ControlMessageWriter, type Envelope, readControlMessage } from "./control-message.js";
import { type ElementName, type ElementValue, elements, isBindingElement } from "./elements.js";
import {
  type AnyElementName,
  type FailureResponse,
  isRequest,
  type Message,
  type MessageLayout,
  type MessageName,
  messageNameOf,
  messages,
  type Occurs,
} from "./messages.js";
import { isSuccess, resultCodes } from "./result-code.js";
import { flexupEnterprise, vendorElements } from "./vendor.js";

export type ReturnedElement = ElementValue<"returnedElement">;

/** What was wrong with a message that cannot be used, and what §4.5.1.1 and §4.5.1.5 need to answer it. */
export type Problem =
  | ({ readonly problem: "malformed" } & Malformed)
  | { readonly problem: "unknown-message"; readonly messageType: number; readonly sequence: number }
  | { readonly problem: "missing-element"; readonly message: MessageName; readonly sequence: number; readonly missing: string }
  | {
      readonly problem: "unrecognized-element";
      readonly message: MessageName;
      readonly sequence: number;
      readonly returned: readonly ReturnedElement[];
      readonly detail: string;
    };

export type Decoded =
  /** `skipped` counts elements that the message has no place for. */
  { readonly ok: true; readonly message: Message | FailureResponse; readonly skipped: number } | ({ readonly ok: false } & Problem);

interface Row {
  readonly name: AnyElementName;
  readonly occurs: Occurs;
  readonly field: AnyField;
  /** Element type on the wire, and the ID under our enterprise number for an element of ours. */
  readonly type: number;
  readonly vendorId: number | undefined;
}

const vendorPayloadType = elements.vendorPayload.type;
const tabled = new Map<number, ElementName>(Object.entries(elements).map(([name, { type }]) => [type, name as ElementName]));

/** The rows of one message, found by type and by vendor element ID. */
interface Plan {
  readonly layout: MessageLayout;
  readonly rows: readonly Row[];
  readonly byType: ReadonlyMap<number, Row>;
  readonly byVendorId: ReadonlyMap<number, Row>;
}

function planOf(layout: MessageLayout): Plan {
  const rows = Object.entries(layout.elements).map(([name, occurs]): Row => {
    if (name in vendorElements) {
      const { id, value } = vendorElements[name as keyof typeof vendorElements];
      return { name: name as AnyElementName, occurs, field: value, type: vendorPayloadType, vendorId: id };
    }
    const { type, value } = elements[name as ElementName];
    return { name: name as AnyElementName, occurs, field: value, type, vendorId: undefined };
  });
  const own = rows.filter((row) => row.vendorId !== undefined);
  return {
    layout,
    rows,
    byType: new Map(rows.filter((row) => row.vendorId === undefined).map((row) => [row.type, row])),
    byVendorId: new Map(own.map((row) => [row.vendorId as number, row])),
  };
}

const plans = new Map<MessageName, Plan>(Object.entries(messages).map(([name, layout]) => [name as MessageName, planOf(layout)]));
const planFor = (name: MessageName): Plan => plans.get(name) as Plan;

const repeats = (occurs: Occurs): boolean => occurs.endsWith("n");
const mandatory = (occurs: Occurs): boolean => occurs.startsWith("1");

/** Length of a Returned Message Element's content (§4.6.36), and our choice of how many one answer gives back. */
const returnedBytesMax = 255;
const returnedMax = 8;

type Values = Record<string, unknown>;

/**
 * Reads one reassembled message (control header and elements). Never throws. Octet values are views of `bytes`.
 * Elements that the message has no place for are skipped when their type is known, as are those of a wireless binding.
 */
export function decodeMessage(bytes: Uint8Array): Decoded {
  const read = readControlMessage(bytes);
  if (!read.ok) return { ok: false, problem: "malformed", reason: read.reason, offset: read.offset };
  const { type, sequence, elements: envelopes } = read.message;
  const name = messageNameOf.get(type);
  if (name === undefined) return { ok: false, problem: "unknown-message", messageType: type, sequence };

  const plan = planFor(name);
  const values: Values = {};
  const returned: ReturnedElement[] = [];
  let detail = "";
  let skipped = 0;
  for (const envelope of envelopes) {
    const fault = takeElement(plan, envelope, values);
    if (fault === undefined) continue;
    if (fault === "skipped") {
      skipped++;
      continue;
    }
    if (fault.reason === "repeated") return { ok: false, problem: "malformed", reason: fault.detail, offset: envelope.offset };
    detail ||= fault.detail;
    if (envelope.whole.length <= returnedBytesMax && returned.length < returnedMax)
      returned.push({ reason: fault.reason, element: envelope.whole });
  }
  if (detail !== "") return { ok: false, problem: "unrecognized-element", message: name, sequence, returned, detail };

  const missing = missingElement(plan, values, plan.layout.bindingElementServes === true && envelopes.some(isOfBinding));
  if (missing === undefined) return { ok: true, message: { type: name, sequence, elements: values } as unknown as Message, skipped };
  const resultCode = values["resultCode"];
  if (!isRequest(name) && typeof resultCode === "number" && !isSuccess(resultCode)) {
    return { ok: true, message: { type: "failureResponse", response: name, sequence, elements: { ...values, resultCode } }, skipped };
  }
  return { ok: false, problem: "missing-element", message: name, sequence, missing };
}

interface ElementFault {
  readonly reason: "repeated" | ReturnedElement["reason"];
  readonly detail: string;
}

function takeElement(plan: Plan, envelope: Envelope, values: Values): ElementFault | "skipped" | undefined {
  const vendorRow = envelope.type === vendorPayloadType ? vendorRowOf(plan, envelope.value) : undefined;
  const row = vendorRow ?? plan.byType.get(envelope.type);
  if (row === undefined) {
    if (tabled.has(envelope.type) || isBindingElement(envelope.type)) return "skipped";
    return { reason: "unknownElement", detail: `element ${envelope.type} is unknown` };
  }
  const read = readWhole(row.field, vendorRow ? envelope.value.subarray(vendorHeaderBytes) : envelope.value);
  if (!read.ok) return { reason: "unknownValue", detail: `${row.name} at ${envelope.offset}: ${read.reason}` };
  const before = values[row.name];
  if (before === undefined) values[row.name] = repeats(row.occurs) ? [read.value] : read.value;
  else if (repeats(row.occurs)) (before as unknown[]).push(read.value);
  else return { reason: "repeated", detail: `${row.name} occurs twice` };
  return undefined;
}

/** Enterprise number and element ID in front of the data (§4.6.39). */
const vendorHeaderBytes = 6;

function vendorRowOf(plan: Plan, value: Uint8Array): Row | undefined {
  const header = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < vendorHeaderBytes || header.getUint32(0) !== flexupEnterprise) return undefined;
  return plan.byVendorId.get(header.getUint16(4));
}

const isOfBinding = ({ type }: Envelope): boolean => isBindingElement(type);

/** @param groupsServed the groups of `anyOf` need nothing more */
function missingElement(plan: Plan, values: Values, groupsServed = false): string | undefined {
  for (const { name, occurs } of plan.rows) if (mandatory(occurs) && values[name] === undefined) return name;
  if (groupsServed) return undefined;
  for (const group of plan.layout.anyOf ?? []) if (group.every((name) => values[name] === undefined)) return group.join(" or ");
  return undefined;
}

/**
 * The octets of a message: control header and elements in the order of the table.
 * @param tailBytes octets that the sender appends; they end the value of the last element (image blocks)
 * @throws InvariantError for a message of ours that lacks a mandatory element or holds a value that does not fit
 */
export function encodeMessage(message: Message | FailureResponse, tailBytes = 0): Uint8Array {
  const failed = message.type === "failureResponse";
  const name = failed ? message.response : message.type;
  const plan = planFor(name);
  const values = message.elements as Values;
  const missing = failed ? undefined : missingElement(plan, values);
  invariant(missing === undefined, `${name} lacks ${missing}`);
  const writer = new ControlMessageWriter(plan.layout.type, message.sequence);
  for (const row of plan.rows) {
    const value = values[row.name];
    if (value === undefined) continue;
    for (const one of repeats(row.occurs) ? (value as unknown[]) : [value]) {
      writer.element(row.type, (bytes) => {
        if (row.vendorId !== undefined) {
          bytes.u32(flexupEnterprise);
          bytes.u16(row.vendorId);
        }
        row.field.write(bytes, one);
      });
    }
  }
  return writer.finish(tailBytes);
}

/**
 * Response to a request whose type is in no table: the type one higher, with Result Code 19 (§4.5.1.1).
 * @param requestType odd
 */
export function encodeUnrecognized(requestType: number, sequence: number): Uint8Array {
  const writer = new ControlMessageWriter(requestType + 1, sequence);
  writer.element(elements.resultCode.type, (bytes) => bytes.u32(resultCodes.messageUnrecognized));
  return writer.finish();
}
