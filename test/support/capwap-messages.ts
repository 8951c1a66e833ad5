/** Short ways to hand a machine a message and to read what it sends. */
import type { Endpoint } from "../../src/base/endpoint.js";
import type { Datagram } from "../../src/core/capwap/contract.js";
import type { Carriage } from "../../src/core/capwap/link/secure-link.js";
import { decodeMessage, encodeMessage } from "../../src/wire/capwap/codec.js";
import { packetsOf, readPacket } from "../../src/wire/capwap/header.js";
import type { FailureResponse, Message, MessageName } from "../../src/wire/capwap/messages.js";

export function datagramOf(from: Endpoint, message: Message | FailureResponse, carriage: Carriage = "clear"): Datagram {
  const [bytes] = packetsOf(encodeMessage(message), 0, 65_535);
  return { from, bytes: bytes ?? new Uint8Array(), carriage };
}

/** The one message in a datagram that is no fragment. */
export function messageIn(bytes: Uint8Array): Message | FailureResponse {
  const packet = readPacket(bytes);
  if (packet.type !== "capwap") throw new Error(`not CAPWAP: ${packet.type}`);
  const decoded = decodeMessage(packet.payload);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded));
  return decoded.message;
}

/** Messages among a machine's outputs. */
export const sentIn = (out: readonly { readonly type: string }[]): (Message | FailureResponse)[] =>
  out.flatMap((output) =>
    "bytes" in output && output.type === "send" && !("channel" in output) ? [messageIn(output.bytes as Uint8Array)] : [],
  );

/** `type` or, for a refusal, `type code`. */
export const inShort = (message: Message | FailureResponse): string => {
  const name = message.type === "failureResponse" ? message.response : message.type;
  const { resultCode } = message.elements as { resultCode?: number };
  return resultCode === undefined || resultCode === 0 ? name : `${name} ${resultCode}`;
};

/** Elements with which each message is complete. */
const board = { vendor: 32473, data: [] };
const descriptor = { radiosMax: 1, radiosInUse: 1, encryption: [{ wirelessBinding: 1, capabilities: 0 }], information: [] };
const radio = [{ radioId: 1, radioType: 1 }];
const discovery = {
  discoveryType: 1,
  wtpBoardData: board,
  wtpDescriptor: descriptor,
  wtpFrameTunnelMode: 2,
  wtpMacType: 0,
  ieee80211RadioInformation: radio,
};
const acDescriptor = {
  stations: 0,
  stationsMax: 0,
  activeWtps: 0,
  wtpsMax: 1,
  security: 0,
  radioMacField: 2,
  dtlsPolicy: 0,
  information: [],
};
const discovered = {
  acDescriptor,
  acName: "controller-1",
  ieee80211RadioInformation: radio,
  controlIpv4: [{ address: "10.0.0.1", wtpCount: 0 }],
};
/** WTP Reboot Statistics of an AP that was switched on once. */
export const reboots = {
  rebootCount: 1,
  acInitiatedCount: 0,
  linkFailureCount: 0,
  softwareFailureCount: 0,
  hardwareFailureCount: 0,
  otherFailureCount: 0,
  unknownFailureCount: 0,
  lastFailureType: 0,
};
const noReport = { vendor: 9, elementId: 1, data: new Uint8Array([1]) };

export const completeElements: { readonly [Name in MessageName]: Message<Name>["elements"] } = {
  discoveryRequest: discovery,
  discoveryResponse: discovered,
  joinRequest: {
    locationData: "here",
    wtpBoardData: board,
    wtpDescriptor: descriptor,
    wtpName: "ap",
    sessionId: new Uint8Array(16),
    wtpFrameTunnelMode: 2,
    wtpMacType: 0,
    ieee80211RadioInformation: radio,
    ecnSupport: "limited",
    localIpv4: "10.0.1.1",
  },
  joinResponse: { ...discovered, resultCode: 0, ecnSupport: "limited", localIpv4: "10.0.0.1" },
  configurationStatusRequest: {
    acName: "controller-1",
    radioAdministrativeState: [{ radioId: 255, state: "enabled" }],
    statisticsTimer: 120,
    wtpRebootStatistics: reboots,
  },
  configurationStatusResponse: {
    capwapTimers: { discoverySeconds: 20, echoSeconds: 30 },
    decryptionErrorReportPeriod: [{ radioId: 1, seconds: 120 }],
    idleTimeout: 300,
    wtpFallback: "enabled",
    acIpv4List: ["10.0.0.1"],
  },
  configurationUpdateRequest: {},
  configurationUpdateResponse: { resultCode: 0 },
  wtpEventRequest: { vendorPayload: [noReport] },
  wtpEventResponse: {},
  changeStateEventRequest: { radioOperationalState: [{ radioId: 1, state: "enabled", cause: "normal" }], resultCode: 0 },
  changeStateEventResponse: {},
  echoRequest: {},
  echoResponse: {},
  imageDataRequest: { imageIdentifier: { vendor: 32473, name: "8.5" }, initiateDownload: {} },
  imageDataResponse: { resultCode: 0 },
  resetRequest: { imageIdentifier: { vendor: 32473, name: "8.5" } },
  resetResponse: {},
  primaryDiscoveryRequest: discovery,
  primaryDiscoveryResponse: discovered,
  dataTransferRequest: { dataTransferMode: "crash" },
  dataTransferResponse: { resultCode: 0 },
  clearConfigurationRequest: {},
  clearConfigurationResponse: { resultCode: 0 },
  stationConfigurationRequest: { deleteStation: [{ radioId: 1, mac: new Uint8Array(6) }] },
  stationConfigurationResponse: { resultCode: 0 },
};

export const completeMessage = (type: MessageName, sequence: number): Message =>
  ({ type, sequence, elements: completeElements[type] }) as unknown as Message;
