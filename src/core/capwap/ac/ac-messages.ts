/** The AC's Discovery, Join and Configuration Status Responses, as message elements. */

import { isIPv6 } from "../../../base/ip-address.js";
import type { CapwapTimers } from "../../../wire/capwap/defaults.js";
import { radioDefaults } from "../../../wire/capwap/defaults.js";
import { acInformationBlocks } from "../../../wire/capwap/descriptors.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import type { AcSettings, JoinVerdict, WtpIdentity } from "./ac-contract.js";

const securityOf = { clear: 0, dtls: 0x04 } as const;
/** R-MAC field: the AC does not use the Radio MAC Address of the transport header. */
const radioMacUnsupported = 2;
/** Data channel in clear, for its keep-alives. */
const clearDataChannel = 0x02;
const u16Max = 0xffff;

const ipv4Of = (addresses: readonly string[]): readonly string[] => addresses.filter((address) => !isIPv6(address));
const ipv6Of = (addresses: readonly string[]): readonly string[] => addresses.filter(isIPv6);

function acDescriptor(settings: AcSettings, sessions: number): ElementsOf<"joinResponse">["acDescriptor"] {
  return {
    stations: 0,
    stationsMax: 0,
    activeWtps: Math.min(sessions, u16Max),
    wtpsMax: Math.min(settings.sessionsMax, u16Max),
    security: securityOf[settings.linkMode],
    radioMacField: radioMacUnsupported,
    dtlsPolicy: settings.dataChannel ? clearDataChannel : 0,
    information: acInformationBlocks(settings.hardwareVersion, settings.softwareVersion),
  };
}

/** Radio IDs are 1–31 (§4.3), however many a WTP lists. */
const radiosMax = 31;
const radiosOf = ({ ieee80211RadioInformation }: Pick<ElementsOf<"discoveryRequest">, "ieee80211RadioInformation">) =>
  ieee80211RadioInformation.slice(0, radiosMax);

function controlAddresses(settings: AcSettings, sessions: number): Pick<ElementsOf<"joinResponse">, "controlIpv4" | "controlIpv6"> {
  const withCount = (address: string) => ({ address, wtpCount: Math.min(sessions, u16Max) });
  const controlIpv4 = ipv4Of(settings.addresses).map(withCount);
  const controlIpv6 = ipv6Of(settings.addresses).map(withCount);
  return { ...(controlIpv4.length > 0 && { controlIpv4 }), ...(controlIpv6.length > 0 && { controlIpv6 }) };
}

/** §5.2 */
export const discoveryResponseElements = (
  settings: AcSettings,
  sessions: number,
  request: ElementsOf<"discoveryRequest">,
): ElementsOf<"discoveryResponse"> => ({
  acDescriptor: acDescriptor(settings, sessions),
  acName: settings.name,
  ieee80211RadioInformation: radiosOf(request),
  ...controlAddresses(settings, sessions),
});

/** §6.2 */
export function joinResponseElements(
  settings: AcSettings,
  sessions: number,
  wtp: WtpIdentity,
  resultCode: number,
  { imageIdentifier }: JoinVerdict,
  sessionToken: Uint8Array,
): ElementsOf<"joinResponse"> {
  const sameFamily = settings.addresses.find((address) => isIPv6(address) === isIPv6(wtp.peer.address)) ?? settings.addresses[0] ?? "";
  return {
    resultCode,
    acDescriptor: acDescriptor(settings, sessions),
    acName: settings.name,
    ieee80211RadioInformation: radiosOf(wtp.join),
    ecnSupport: "limited",
    sessionToken,
    ...controlAddresses(settings, sessions),
    ...(isIPv6(sameFamily) ? { localIpv6: sameFamily } : { localIpv4: sameFamily }),
    ...(imageIdentifier && { imageIdentifier }),
  };
}

const timerSeconds = (ms: number): number => Math.min(255, Math.max(1, Math.round(ms / 1000)));

/** The Echo interval in whole seconds, as CAPWAP Timers carries it (§4.6.13) and the WTP uses it. */
export const echoIntervalMsOf = (timers: CapwapTimers): number => timerSeconds(timers.echoIntervalMs) * 1000;

/** §8.3 */
export function configurationStatusElements(
  settings: AcSettings,
  wtp: WtpIdentity,
  wtpFallback: "enabled" | "disabled",
): ElementsOf<"configurationStatusResponse"> {
  const acIpv4List = ipv4Of(settings.addresses);
  const acIpv6List = ipv6Of(settings.addresses);
  return {
    capwapTimers: {
      discoverySeconds: timerSeconds(settings.timers.maxDiscoveryIntervalMs),
      echoSeconds: timerSeconds(settings.timers.echoIntervalMs),
    },
    decryptionErrorReportPeriod: radiosOf(wtp.join).map(({ radioId }) => ({
      radioId,
      seconds: radioDefaults.reportIntervalSeconds,
    })),
    idleTimeout: radioDefaults.idleTimeoutSeconds,
    wtpFallback,
    ...(acIpv4List.length > 0 && { acIpv4List: [...acIpv4List] }),
    ...(acIpv6List.length > 0 && { acIpv6List: [...acIpv6List] }),
  };
}
