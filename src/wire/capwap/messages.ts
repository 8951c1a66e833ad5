/**
 * The control messages of RFC 5415 §5–§9: number, who sends it in which states, and the elements that it carries, as
 * one table. The codec, the sessions' error answers and the types of messages all read it.
 */
import type { ValueOf } from "../../base/field-table.js";
import { elements } from "./elements.js";
import { vendorElements } from "./vendor.js";

/** How often an element occurs in a message. */
export type Occurs = "1" | "0..1" | "1..n" | "0..n";

/** States of RFC 5415 §2.3.1 in which a message is exchanged. */
export type CapwapState = "discovery" | "join" | "configure" | "dataCheck" | "imageData" | "run";

/** Every element by name: the RFC's own, and ours inside Vendor Specific Payload. */
export const allElements = { ...elements, ...vendorElements };
export type AnyElementName = keyof typeof allElements;
export type AnyElementValue<Name extends AnyElementName> = ValueOf<(typeof allElements)[Name]["value"]>;

export interface MessageLayout {
  readonly type: number;
  readonly sender: "wtp" | "ac" | "both";
  /** States of the WTP in which the message is due. */
  readonly states: readonly CapwapState[];
  readonly elements: { readonly [Name in AnyElementName]?: Occurs };
  /** Of each group at least one element must be there. */
  readonly anyOf?: readonly (readonly AnyElementName[])[];
  /** An element of a wireless binding serves for a group, too. */
  readonly bindingElementServes?: boolean;
}

/** Vendor Specific Payload is welcome in every message (§4.6.39), ours for the session among it. */
const everywhere = { sessionToken: "0..1", vendorPayload: "0..n" } as const;

/** §4.5.1.5 and §4.5.1.1 let any response carry an error and what caused it, whatever its own definition says. */
const everyResponse = { returnedElement: "0..n", refusal: "0..1", ...everywhere } as const;
const bareResponse = { resultCode: "0..1", ...everyResponse } as const;
const resultResponse = { resultCode: "1", ...everyResponse } as const;

/** §5.1, §5.3 */
const discoveryRequestElements = {
  discoveryType: "1",
  wtpBoardData: "1",
  wtpDescriptor: "1",
  wtpFrameTunnelMode: "1",
  wtpMacType: "1",
  ieee80211RadioInformation: "1..n",
  mtuDiscoveryPadding: "0..1",
  ...everywhere,
} as const;

/** §5.2, §5.4 */
const discoveryResponseElements = {
  ...bareResponse,
  acDescriptor: "1",
  acName: "1",
  ieee80211RadioInformation: "1..n",
  controlIpv4: "0..n",
  controlIpv6: "0..n",
  acIpv4List: "0..1",
  acIpv6List: "0..1",
} as const;

const controlAddress = [["controlIpv4", "controlIpv6"]] as const;
const localAddress = ["localIpv4", "localIpv6"] as const;

export const messages = {
  discoveryRequest: { type: 1, sender: "wtp", states: ["discovery"], elements: discoveryRequestElements },
  discoveryResponse: { type: 2, sender: "ac", states: ["discovery"], elements: discoveryResponseElements, anyOf: controlAddress },
  /** §6.1 */
  joinRequest: {
    type: 3,
    sender: "wtp",
    states: ["join"],
    elements: {
      locationData: "1",
      wtpBoardData: "1",
      wtpDescriptor: "1",
      wtpName: "1",
      sessionId: "1",
      wtpFrameTunnelMode: "1",
      wtpMacType: "1",
      ieee80211RadioInformation: "1..n",
      ecnSupport: "1",
      localIpv4: "0..1",
      localIpv6: "0..1",
      transportProtocol: "0..1",
      maximumMessageLength: "0..1",
      wtpRebootStatistics: "0..1",
      apInventory: "0..1",
      rolledBack: "0..1",
      ...everywhere,
    },
    anyOf: [localAddress],
  },
  /** §6.2 */
  joinResponse: {
    type: 4,
    sender: "ac",
    states: ["join"],
    elements: {
      ...resultResponse,
      acDescriptor: "1",
      acName: "1",
      ieee80211RadioInformation: "1..n",
      ecnSupport: "1",
      controlIpv4: "0..n",
      controlIpv6: "0..n",
      localIpv4: "0..1",
      localIpv6: "0..1",
      acIpv4List: "0..1",
      acIpv6List: "0..1",
      transportProtocol: "0..1",
      imageIdentifier: "0..1",
      maximumMessageLength: "0..1",
    },
    anyOf: [...controlAddress, localAddress],
  },
  /** §8.2 */
  configurationStatusRequest: {
    type: 5,
    sender: "wtp",
    states: ["configure"],
    elements: {
      acName: "1",
      radioAdministrativeState: "1..n",
      statisticsTimer: "1",
      wtpRebootStatistics: "1",
      acNameWithPriority: "0..n",
      transportProtocol: "0..1",
      wtpStaticIpAddress: "0..1",
      /** RFC 5416 §5.7 asks for one for each radio; a WTP that leaves them out is configured all the same. */
      ieee80211RadioInformation: "0..n",
      ...everywhere,
    },
  },
  /** §8.3 */
  configurationStatusResponse: {
    type: 6,
    sender: "ac",
    states: ["configure"],
    elements: {
      ...bareResponse,
      capwapTimers: "1",
      decryptionErrorReportPeriod: "1..n",
      idleTimeout: "1",
      wtpFallback: "1",
      acIpv4List: "0..1",
      acIpv6List: "0..1",
      wtpStaticIpAddress: "0..1",
    },
    anyOf: [["acIpv4List", "acIpv6List"]],
  },
  /** §8.4 */
  configurationUpdateRequest: {
    type: 7,
    sender: "ac",
    states: ["run"],
    elements: {
      acNameWithPriority: "0..n",
      acTimestamp: "0..1",
      addMacAcl: "0..1",
      capwapTimers: "0..1",
      decryptionErrorReportPeriod: "0..n",
      deleteMacAcl: "0..1",
      idleTimeout: "0..1",
      locationData: "0..1",
      radioAdministrativeState: "0..n",
      statisticsTimer: "0..1",
      wtpFallback: "0..1",
      wtpName: "0..1",
      wtpStaticIpAddress: "0..1",
      imageIdentifier: "0..1",
      upgradeOrder: "0..1",
      servingLimits: "0..1",
      streamOrder: "0..1",
      upgradeAbort: "0..1",
      swapOrder: "0..1",
      holdingChallenge: "0..1",
      bundlePart: "0..1",
      downgradePolicy: "0..1",
      keptSlots: "0..1",
      ...everywhere,
    },
  },
  /** §8.5 */
  configurationUpdateResponse: {
    type: 8,
    sender: "wtp",
    states: ["run"],
    elements: { ...resultResponse, radioOperationalState: "0..n" },
  },
  /** §9.4 */
  wtpEventRequest: {
    type: 9,
    sender: "wtp",
    states: ["run"],
    elements: {
      decryptionErrorReport: "0..n",
      duplicateIpv4: "0..n",
      duplicateIpv6: "0..n",
      deleteStation: "0..n",
      wtpRadioStatistics: "0..n",
      wtpRebootStatistics: "0..n",
      upgradeReport: "0..1",
      chunkFault: "0..1",
      servingReport: "0..1",
      apInventory: "0..1",
      holdingProof: "0..1",
      ...everywhere,
    },
    anyOf: [
      [
        "decryptionErrorReport",
        "duplicateIpv4",
        "duplicateIpv6",
        "deleteStation",
        "wtpRadioStatistics",
        "wtpRebootStatistics",
        "upgradeReport",
        "servingReport",
        "apInventory",
        "holdingProof",
        "vendorPayload",
      ],
    ],
    bindingElementServes: true,
  },
  wtpEventResponse: { type: 10, sender: "ac", states: ["run"], elements: bareResponse },
  /** §8.6 */
  changeStateEventRequest: {
    type: 11,
    sender: "wtp",
    states: ["configure", "dataCheck", "run"],
    elements: { radioOperationalState: "1..n", resultCode: "1", returnedElement: "0..n", ...everywhere },
  },
  changeStateEventResponse: { type: 12, sender: "ac", states: ["configure", "dataCheck", "run"], elements: bareResponse },
  /** §7.1 */
  echoRequest: { type: 13, sender: "wtp", states: ["run", "imageData"], elements: everywhere },
  echoResponse: { type: 14, sender: "ac", states: ["run", "imageData"], elements: bareResponse },
  /** §9.1.1 */
  imageDataRequest: {
    type: 15,
    sender: "both",
    states: ["imageData", "run"],
    elements: {
      imageIdentifier: "0..1",
      initiateDownload: "0..1",
      transportProtocol: "0..1",
      fastOffer: "0..1",
      ...everywhere,
      imageData: "0..1",
    },
  },
  /** §9.1.2 */
  imageDataResponse: {
    type: 16,
    sender: "both",
    states: ["imageData", "run"],
    elements: { ...resultResponse, imageInformation: "0..1", fastAccept: "0..1", fastAck: "0..1" },
  },
  /** §9.2 */
  resetRequest: { type: 17, sender: "ac", states: ["run"], elements: { imageIdentifier: "1", ...everywhere } },
  resetResponse: { type: 18, sender: "wtp", states: ["run"], elements: bareResponse },
  primaryDiscoveryRequest: { type: 19, sender: "wtp", states: ["run"], elements: discoveryRequestElements },
  primaryDiscoveryResponse: { type: 20, sender: "ac", states: ["run"], elements: discoveryResponseElements, anyOf: controlAddress },
  /** §9.6 */
  dataTransferRequest: {
    type: 21,
    sender: "both",
    states: ["run"],
    elements: { dataTransferMode: "0..1", dataTransferData: "0..1", ...everywhere },
    anyOf: [["dataTransferMode", "dataTransferData"]],
  },
  dataTransferResponse: { type: 22, sender: "both", states: ["run"], elements: resultResponse },
  /** §8.7 */
  clearConfigurationRequest: { type: 23, sender: "ac", states: ["run"], elements: everywhere },
  clearConfigurationResponse: { type: 24, sender: "wtp", states: ["run"], elements: resultResponse },
  /** §10.1 */
  stationConfigurationRequest: {
    type: 25,
    sender: "ac",
    states: ["run"],
    elements: { addStation: "0..n", deleteStation: "0..n", ...everywhere },
    anyOf: [["addStation", "deleteStation"]],
  },
  stationConfigurationResponse: { type: 26, sender: "wtp", states: ["run"], elements: resultResponse },
} as const satisfies Readonly<Record<string, MessageLayout>>;

export type MessageName = keyof typeof messages;
export type RequestName = { [Name in MessageName]: Name extends `${string}Request` ? Name : never }[MessageName];
export type ResponseName = Exclude<MessageName, RequestName>;
/** `joinRequest` → `joinResponse`. */
export type ResponseTo<Name extends RequestName> = Name extends `${infer Stem}Request` ? Extract<ResponseName, `${Stem}Response`> : never;

type Layout<Name extends MessageName> = (typeof messages)[Name]["elements"];
type Named<Name extends MessageName, O extends Occurs> = {
  [Key in keyof Layout<Name>]: Layout<Name>[Key] extends O ? Key : never;
}[keyof Layout<Name>] &
  AnyElementName;

/** The elements of a message by name, derived from its row: lists where an element may repeat, optional where it may be absent. */
export type ElementsOf<Name extends MessageName> = {
  readonly [Key in Named<Name, "1">]: AnyElementValue<Key>;
} & {
  readonly [Key in Named<Name, "1..n">]: readonly AnyElementValue<Key>[];
} & {
  readonly [Key in Named<Name, "0..1">]?: AnyElementValue<Key> | undefined;
} & {
  readonly [Key in Named<Name, "0..n">]?: readonly AnyElementValue<Key>[] | undefined;
};

/** One control message: `{ type: "joinRequest", sequence: 7, elements: { sessionId, … } }`. */
export type Message<Name extends MessageName = MessageName> = {
  [Each in Name]: { readonly type: Each; readonly sequence: number; readonly elements: ElementsOf<Each> };
}[Name];

export type Request = Message<RequestName>;

/**
 * A response that reports an error (§4.5.1.1, §4.5.1.5) and leaves out what its definition asks for, e.g. a Join Response
 * with nothing but Result Code 4.
 */
export interface FailureResponse<Name extends ResponseName = ResponseName> {
  readonly type: "failureResponse";
  readonly response: Name;
  readonly sequence: number;
  readonly elements: Partial<ElementsOf<Name>> & { readonly resultCode: number };
}

export const messageNameOf: ReadonlyMap<number, MessageName> = new Map(
  Object.entries(messages).map(([name, { type }]) => [type, name as MessageName]),
);

export const isRequest = (name: MessageName): name is RequestName => messages[name].type % 2 === 1;
export const responseTo = <Name extends RequestName>(name: Name): ResponseTo<Name> =>
  messageNameOf.get(messages[name].type + 1) as ResponseTo<Name>;
