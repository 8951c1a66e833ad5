/**
 * The message elements of RFC 5415 §4.6 and the radio element of RFC 5416 §6.25, one row each: type on the
 * wire and layout of the value. The names are the RFC's. Which message carries which is in `messages.ts`.
 */
import {
  choice,
  constant,
  counted,
  type Field,
  i16,
  list,
  mapped,
  octets,
  prefixed,
  record,
  remainder,
  text,
  u8,
  u16,
  u32,
  type ValueOf,
} from "../../base/field-table.js";
import { ipv4, ipv6 } from "./address-fields.js";
import { capwapLimits } from "./defaults.js";

/** §4.6.1, §4.6.40: vendor, type and value that repeat. Values are octets: real encoders put numbers where the RFC has text. */
const informationBlocks = list(record({ vendor: u32, type: u16, value: prefixed(u16, remainder(0, 1024)) }));

/** §4.6.40: binding and capabilities of one kind of encryption. */
const encryption = record({ wirelessBinding: u8, capabilities: u16 });

const enabledState = choice(u8, { enabled: 1, disabled: 2 });

/** One octet in front of the address gives its length: 6 or 8. */
const countedMac = prefixed(u8, remainder(6, 8));

const radioMacs = record({ radioId: u8, macs: counted(u8, countedMac) });

const macList = record({ macs: countedMacs() });

/** §4.6.7, §4.6.17: one count and one address length for all addresses. */
function countedMacs(): Field<Uint8Array[]> {
  return {
    min: 2,
    max: 2 + 255 * 8,
    read: (reader) => {
      const count = reader.u8();
      const at = reader.offset;
      const length = reader.u8();
      if (length !== 6 && length !== 8) reader.fail(`address of ${length} octets, must be 6 or 8`, at);
      const macs: Uint8Array[] = [];
      for (let index = 0; index < count && !reader.fault; index++) macs.push(reader.bytes(length));
      return macs;
    },
    write: (writer, macs) => {
      const length = macs[0]?.length ?? 6;
      writer.u8(macs.length);
      writer.u8(length);
      for (const address of macs) octets(length).write(writer, address);
    },
  };
}

const duplicateAddress = <A>(address: Field<A>) => record({ address, status: choice(u8, { cleared: 0, duplicate: 1 }), mac: countedMac });

const vendorPayload = record({ vendor: u32, elementId: u16, data: remainder(0, 2048) });

/** Text that the AP echoes, in an element that must not be empty, so a lone NUL is refused. */
const saidBack = (max: number): Field<string> =>
  mapped(
    text(1, max),
    (value) => (value === "" ? undefined : value),
    (value) => value,
    "text is empty",
    "",
  );

const imageData = record({ dataType: choice(u8, { block: 1, last: 2, abort: 5 }), data: remainder(0, capwapLimits.imageBlockBytesMax) });

export const elements = {
  acDescriptor: {
    type: 1,
    value: record({
      stations: u16,
      stationsMax: u16,
      activeWtps: u16,
      wtpsMax: u16,
      /** Bits: 0x04 pre-shared key, 0x02 X.509. */
      security: u8,
      /** 1 supported, 2 not. */
      radioMacField: u8,
      reserved: constant(u8, 0),
      /** Bits: 0x04 DTLS data channel, 0x02 clear data channel. */
      dtlsPolicy: u8,
      information: informationBlocks,
    }),
  },
  acIpv4List: { type: 2, value: list(ipv4, 1, 1024) },
  acIpv6List: { type: 3, value: list(ipv6, 1, 1024) },
  acName: { type: 4, value: saidBack(512) },
  /** Priority 1 is the primary AC, 2 the secondary. */
  acNameWithPriority: { type: 5, value: record({ priority: u8, name: saidBack(512) }) },
  /** Upper 32 bits of NTP time: seconds since 1900. */
  acTimestamp: { type: 6, value: u32 },
  addMacAcl: { type: 7, value: macList },
  addStation: { type: 8, value: record({ radioId: u8, mac: countedMac, vlanName: text(0, 512) }) },
  controlIpv4: { type: 10, value: record({ address: ipv4, wtpCount: u16 }) },
  controlIpv6: { type: 11, value: record({ address: ipv6, wtpCount: u16 }) },
  capwapTimers: { type: 12, value: record({ discoverySeconds: u8, echoSeconds: u8 }) },
  dataTransferData: {
    type: 13,
    value: record({
      dataType: choice(u8, { data: 1, last: 2, error: 5 }),
      mode: choice(u8, { crash: 1, memoryDump: 2 }),
      data: prefixed(u16, remainder()),
    }),
  },
  dataTransferMode: { type: 14, value: choice(u8, { crash: 1, memoryDump: 2 }) },
  decryptionErrorReport: { type: 15, value: radioMacs },
  decryptionErrorReportPeriod: { type: 16, value: record({ radioId: u8, seconds: u16 }) },
  deleteMacAcl: { type: 17, value: macList },
  deleteStation: { type: 18, value: record({ radioId: u8, mac: countedMac }) },
  /** 0 unknown, 1 static, 2 DHCP, 3 DNS, 4 AC referral. */
  discoveryType: { type: 20, value: u8 },
  duplicateIpv4: { type: 21, value: duplicateAddress(ipv4) },
  duplicateIpv6: { type: 22, value: duplicateAddress(ipv6) },
  /** Seconds. */
  idleTimeout: { type: 23, value: u32 },
  /** `block`: more follow; `last`: the block that ends the image, which may be empty; `abort`: the sender gave up, no data. */
  imageData: {
    type: 24,
    value: mapped(
      imageData,
      (value) => (value.dataType === "abort" && value.data.length > 0 ? undefined : value),
      (value) => value,
      "an abort carries no data",
      { dataType: "abort", data: new Uint8Array() },
    ),
  },
  imageIdentifier: { type: 25, value: record({ vendor: u32, name: saidBack(1024) }) },
  imageInformation: { type: 26, value: record({ sizeBytes: u32, md5: octets(16) }) },
  initiateDownload: { type: 27, value: record({}) },
  locationData: { type: 28, value: text(1, 1024) },
  maximumMessageLength: { type: 29, value: u16 },
  localIpv4: { type: 30, value: ipv4 },
  /** Radio 255 is the whole WTP. */
  radioAdministrativeState: { type: 31, value: record({ radioId: u8, state: enabledState }) },
  radioOperationalState: {
    type: 32,
    value: record({
      radioId: u8,
      state: enabledState,
      cause: choice(u8, { normal: 0, radioFailure: 1, softwareFailure: 2, administrative: 3 }),
    }),
  },
  /** A number of `resultCodes`; a peer may send others. */
  resultCode: { type: 33, value: u32 },
  returnedElement: {
    type: 34,
    value: record({
      reason: choice(u8, { unknownElement: 1, unsupportedElement: 2, unknownValue: 3, unsupportedValue: 4 }),
      element: prefixed(u8, remainder()),
    }),
  },
  sessionId: { type: 35, value: octets(16) },
  /** Seconds. */
  statisticsTimer: { type: 36, value: u16 },
  vendorPayload: { type: 37, value: vendorPayload },
  wtpBoardData: { type: 38, value: record({ vendor: u32, data: list(record({ type: u16, value: prefixed(u16, remainder(0, 1024)) })) }) },
  wtpDescriptor: {
    type: 39,
    value: record({ radiosMax: u8, radiosInUse: u8, encryption: counted(u8, encryption, 1), information: informationBlocks }),
  },
  /** 0 is reserved; openCAPWAP sends it, and it is read as "disabled". */
  wtpFallback: {
    type: 40,
    value: mapped<number, "enabled" | "disabled">(
      u8,
      (code) => (code === 1 ? "enabled" : code <= 2 ? "disabled" : undefined),
      (state) => (state === "enabled" ? 1 : 2),
      "WTP Fallback is neither 1 nor 2",
      "disabled",
    ),
  },
  /** Bits: 0x08 native, 0x04 802.3, 0x02 local bridging. */
  wtpFrameTunnelMode: { type: 41, value: u8 },
  /** 0 local, 1 split, 2 both. */
  wtpMacType: { type: 44, value: u8 },
  wtpName: { type: 45, value: text(1, 512) },
  wtpRadioStatistics: {
    type: 47,
    value: record({
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
      noiseFloorDbm: i16,
    }),
  },
  /** Counts of 65535 are "not available". */
  wtpRebootStatistics: {
    type: 48,
    value: record({
      rebootCount: u16,
      acInitiatedCount: u16,
      linkFailureCount: u16,
      softwareFailureCount: u16,
      hardwareFailureCount: u16,
      otherFailureCount: u16,
      unknownFailureCount: u16,
      /** 0 not supported, 1 AC initiated, 2 link failure, 3 software, 4 hardware, 5 other, 255 unknown. */
      lastFailureType: u8,
    }),
  },
  wtpStaticIpAddress: { type: 49, value: record({ address: ipv4, netmask: ipv4, gateway: ipv4, static: u8 }) },
  localIpv6: { type: 50, value: ipv6 },
  transportProtocol: { type: 51, value: choice(u8, { udpLite: 1, udp: 2 }) },
  mtuDiscoveryPadding: { type: 52, value: remainder() },
  ecnSupport: { type: 53, value: choice(u8, { limited: 0, full: 1 }) },
  /** RFC 5416 §6.25. Radio type bits: 1 = B, 2 = A, 4 = G, 8 = N. */
  ieee80211RadioInformation: { type: 1048, value: record({ radioId: u8, radioType: u32 }) },
} as const;

export type ElementName = keyof typeof elements;
export type ElementValue<Name extends ElementName> = ValueOf<(typeof elements)[Name]["value"]>;
export type ImageIdentifier = ElementValue<"imageIdentifier">;

/**
 * Types of a wireless binding (§4.6: 802.11 and EPCGlobal). A binding element that the table does not list
 * belongs to radios, which flexup does not drive: it is skipped, not refused.
 */
export const isBindingElement = (type: number): boolean => (type >= 1024 && type <= 2047) || (type >= 3072 && type <= 4095);
