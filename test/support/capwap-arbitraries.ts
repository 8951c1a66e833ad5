/** Random values for every element, and random messages with every element that their layout allows. */

import { macFromBytes } from "../../src/base/mac-address.js";
import {
  type AnyElementName,
  type AnyElementValue,
  allElements,
  type Message,
  type MessageLayout,
  type MessageName,
  messages,
} from "../../src/wire/capwap/messages.js";
import { failureReasons } from "../../src/wire/capwap/vendor.js";
import fc from "./properties.js";

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const u64 = fc.maxSafeNat();
const flag = fc.boolean();
const octets = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max });
const text = (min: number, max: number) =>
  fc.string({ unit: "grapheme", minLength: min, maxLength: Math.floor(max / 16) || 1 }).filter((value) => {
    const bytes = Buffer.byteLength(value);
    return bytes >= min && bytes <= max && !value.includes("\0");
  });
const line = (min: number, max: number) => text(min, max).filter((value) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value));
const ipv4 = octets(4).map((raw) => raw.join("."));
const ipv6 = fc.ipV6().map((address) => new URL(`http://[${address}]/`).hostname.slice(1, -1));
const shortMac = fc.oneof(octets(6), octets(8));
const state = fc.constantFrom("enabled" as const, "disabled" as const);
const information = fc.array(fc.record({ vendor: u32, type: u16, value: octets(0, 40) }), { maxLength: 4 });
const macs = fc.integer({ min: 6, max: 7 }).chain((size) => fc.array(octets(size === 6 ? 6 : 8), { maxLength: 4 }));
const endpoint = fc.record({ address: fc.oneof(fc.constant(""), ipv4), port: u16 });
const reason = fc.constantFrom(...(Object.keys(failureReasons) as (keyof typeof failureReasons)[]));
const imageFacts = { version: line(0, 64), fileName: line(0, 128), sizeBytes: u64, sha256: octets(32) };
const slot = fc.record({ version: line(0, 64), sha256: octets(32) });
const path = fc.constantFrom("none" as const, "wan" as const, "lan" as const);

export const mac = octets(6).map(macFromBytes);

const chosen: { readonly [Name in AnyElementName]?: fc.Arbitrary<AnyElementValue<Name>> } = {
  acDescriptor: fc.record({
    stations: u16,
    stationsMax: u16,
    activeWtps: u16,
    wtpsMax: u16,
    security: u8,
    radioMacField: u8,
    dtlsPolicy: u8,
    information,
  }),
  acIpv4List: fc.array(ipv4, { minLength: 1, maxLength: 5 }),
  acIpv6List: fc.array(ipv6, { minLength: 1, maxLength: 5 }),
  acName: text(1, 512),
  acNameWithPriority: fc.record({ priority: u8, name: text(1, 512) }),
  acTimestamp: u32,
  addMacAcl: fc.record({ macs }),
  addStation: fc.record({ radioId: u8, mac: shortMac, vlanName: text(0, 512) }),
  bundlePart: fc.record({ sha256: octets(32), totalBytes: u32, offset: u32, bytes: octets(1, 300) }),
  controlIpv4: fc.record({ address: ipv4, wtpCount: u16 }),
  controlIpv6: fc.record({ address: ipv6, wtpCount: u16 }),
  capwapTimers: fc.record({ discoverySeconds: u8, echoSeconds: u8 }),
  dataTransferData: fc.record({
    dataType: fc.constantFrom("data" as const, "last" as const, "error" as const),
    mode: fc.constantFrom("crash" as const, "memoryDump" as const),
    data: octets(0, 50),
  }),
  dataTransferMode: fc.constantFrom("crash" as const, "memoryDump" as const),
  decryptionErrorReport: fc.record({ radioId: u8, macs: fc.array(shortMac, { maxLength: 3 }) }),
  decryptionErrorReportPeriod: fc.record({ radioId: u8, seconds: u16 }),
  deleteMacAcl: fc.record({ macs }),
  deleteStation: fc.record({ radioId: u8, mac: shortMac }),
  discoveryType: u8,
  downgradePolicy: fc.record({ isAllowed: fc.boolean() }),
  duplicateIpv4: fc.record({ address: ipv4, status: fc.constantFrom("cleared" as const, "duplicate" as const), mac: shortMac }),
  duplicateIpv6: fc.record({ address: ipv6, status: fc.constantFrom("cleared" as const, "duplicate" as const), mac: shortMac }),
  idleTimeout: u32,
  imageData: fc.oneof(
    fc.record({ dataType: fc.constantFrom("block" as const, "last" as const), data: octets(0, 1024) }),
    fc.constant({ dataType: "abort" as const, data: new Uint8Array() }),
  ),
  imageIdentifier: fc.record({ vendor: u32, name: text(1, 1024) }),
  imageInformation: fc.record({ sizeBytes: u32, md5: octets(16) }),
  initiateDownload: fc.constant({}),
  locationData: text(1, 1024),
  maximumMessageLength: u16,
  localIpv4: ipv4,
  radioAdministrativeState: fc.record({ radioId: u8, state }),
  radioOperationalState: fc.record({
    radioId: u8,
    state,
    cause: fc.constantFrom("normal" as const, "radioFailure" as const, "softwareFailure" as const, "administrative" as const),
  }),
  resultCode: u32,
  returnedElement: fc.record({
    reason: fc.constantFrom("unknownElement" as const, "unsupportedElement" as const, "unknownValue" as const, "unsupportedValue" as const),
    element: octets(0, 255),
  }),
  sessionId: octets(16),
  statisticsTimer: u16,
  vendorPayload: fc.record({ vendor: u32.filter((vendor) => vendor !== 32473), elementId: u16, data: octets(0, 60) }),
  wtpBoardData: fc.record({ vendor: u32, data: fc.array(fc.record({ type: u16, value: octets(0, 30) }), { maxLength: 5 }) }),
  wtpDescriptor: fc.record({
    radiosMax: u8,
    radiosInUse: u8,
    encryption: fc.array(fc.record({ wirelessBinding: u8, capabilities: u16 }), { minLength: 1, maxLength: 3 }),
    information,
  }),
  wtpFallback: state,
  wtpFrameTunnelMode: u8,
  wtpMacType: u8,
  wtpName: text(1, 512),
  wtpRadioStatistics: fc.record({
    radioId: u8,
    lastFailureType: u8,
    resetCount: u16,
    softwareFailures: u16,
    hardwareFailures: u16,
    otherFailures: u16,
    unknownFailures: u16,
    configurationUpdates: u16,
    channelChanges: u16,
    bandChanges: u16,
    noiseFloorDbm: fc.integer({ min: -0x8000, max: 0x7fff }),
  }),
  wtpRebootStatistics: fc.record({
    rebootCount: u16,
    acInitiatedCount: u16,
    linkFailureCount: u16,
    softwareFailureCount: u16,
    hardwareFailureCount: u16,
    otherFailureCount: u16,
    unknownFailureCount: u16,
    lastFailureType: u8,
  }),
  wtpStaticIpAddress: fc.record({ address: ipv4, netmask: ipv4, gateway: ipv4, static: u8 }),
  localIpv6: ipv6,
  transportProtocol: fc.constantFrom("udpLite" as const, "udp" as const),
  mtuDiscoveryPadding: octets(0, 100),
  ecnSupport: fc.constantFrom("limited" as const, "full" as const),
  ieee80211RadioInformation: fc.record({ radioId: u8, radioType: u32 }),
  upgradeOrder: fc.record({
    runId: u32,
    role: fc.constantFrom("primary" as const, "subordinate" as const, "fallback" as const),
    ...imageFacts,
    family: line(0, 32),
    server: endpoint,
    retryCountMax: u8,
    backoffMsMin: u32,
    backoffMsMax: u32,
    sessionsMax: u8,
    refetch: flag,
  }),
  streamOrder: fc.record({ spare: endpoint, chunkBytes: u32, sha256s: fc.array(octets(32), { maxLength: 4 }) }),
  chunkFault: fc.record({ runId: u32, server: endpoint, chunk: u8 }),
  servingLimits: fc.record({ bytesPerSecondMax: u64 }),
  upgradeAbort: fc.record({ runId: u32 }),
  upgradeReport: fc.record({
    runId: u32,
    state: fc.constantFrom("initiated" as const, "fetching" as const, "waiting" as const, "needs-wan" as const, "complete" as const),
    path,
    tries: u8,
    nextRetryMs: u32,
    bytesDone: u64,
    wanBytes: u64,
    lanBytes: u64,
    reason,
    detail: line(0, 200),
  }),
  apInventory: fc.record({
    primary: slot,
    backup: slot,
    running: fc.constantFrom("primary" as const, "backup" as const),
    freeBytes: u64,
    tftp: endpoint,
    extensions: fc.array(u8, { maxLength: 4 }),
  }),
  servingReport: fc.record({
    runId: u32,
    sessionsMax: u8,
    sessionsPeak: u8,
    bytesServed: u64,
    refusals: u32,
    sessions: fc.array(fc.record({ peer: endpoint, bytesDone: u64 }), { maxLength: 4 }),
  }),
  swapOrder: fc.record({ orderId: u32, sha256: fc.oneof(fc.constant(new Uint8Array()), octets(32)) }),
  refusal: fc.record({ reason, detail: line(0, 200) }),
  sessionToken: octets(16),
  keptSlots: fc.record({ addresses: fc.array(fc.oneof(ipv4, ipv6), { maxLength: 8 }) }),
  holdingChallenge: fc.record({ sha256: octets(32), nonce: octets(16) }),
  holdingProof: fc.record({ nonce: octets(16), proof: octets(32) }),
  rolledBack: fc.record({ version: line(0, 64), detail: line(0, 200) }),
  fastOffer: fc.record({ transferId: u32, resumeOffset: u64, sha256: octets(32), windowBytes: u32, datagramBytesMax: u16 }),
  fastAccept: fc.record({ transferId: u32, startOffset: u64, segmentBytes: u16, firstFragmentId: u16 }),
  fastAck: fc.record({
    transferId: u32,
    receivedOffset: u64,
    writtenOffset: u64,
    windowEnd: u64,
    delayUs: u32,
    complete: flag,
    ranges: fc.array(fc.record({ gap: u32, length: u32 }), { maxLength: 32 }),
  }),
};

const arbitraryOf = (name: AnyElementName) => chosen[name] as fc.Arbitrary<unknown> | undefined;

/** Elements that this table leaves out; the tests of their owners generate them. */
export const withoutArbitrary = (): AnyElementName[] =>
  (Object.keys(allElements) as AnyElementName[]).filter((name) => arbitraryOf(name) === undefined);

/** A message of the given name that its layout allows. */
export function messageOf(name: MessageName): fc.Arbitrary<Message> {
  const layout: MessageLayout = messages[name];
  const forced = new Set((layout.anyOf ?? []).map((group) => group[0]));
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  const required: string[] = [];
  for (const [element, occurs] of Object.entries(layout.elements)) {
    const value = arbitraryOf(element as AnyElementName);
    if (value === undefined) continue;
    fields[element] = occurs.endsWith("n") ? fc.array(value, { minLength: 1, maxLength: 3 }) : value;
    if (occurs.startsWith("1") || forced.has(element as AnyElementName)) required.push(element);
  }
  return fc.record({
    type: fc.constant(name),
    sequence: u8,
    elements: fc.record(fields, { requiredKeys: required }),
  }) as unknown as fc.Arbitrary<Message>;
}

export const anyMessage = fc.oneof(...(Object.keys(messages) as MessageName[]).map(messageOf));
