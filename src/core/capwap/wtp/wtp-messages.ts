/** The WTP's Discovery, Join, Configuration Status and Change State Event Requests, as message elements. */
import { isIPv6 } from "../../../base/ip-address.js";
import { radioDefaults } from "../../../wire/capwap/defaults.js";
import { wtpBoardData, wtpDescriptor } from "../../../wire/capwap/descriptors.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import { flexupEnterprise } from "../../../wire/capwap/vendor.js";
import type { DiscoverySource, KnownController, WtpSelf } from "./wtp-contract.js";

/** RFC 5416 §6.25: B, G and N on 2.4 GHz, A and N on 5 GHz. */
const radios = [
  { radioId: 1, radioType: 0x01 | 0x04 | 0x08 },
  { radioId: 2, radioType: 0x02 | 0x08 },
] as const;

/** Discovery Type (§4.6.21): how the WTP came to know the AC's address. */
const discoveryTypes: Readonly<Record<DiscoverySource, number>> = { group: 0, static: 1, dhcp: 2, dns: 3 };
/** §4.6.43: local bridging. */
const localBridging = 0x02;
/** §4.6.44: local MAC. */
const localMac = 0;

function description(self: WtpSelf) {
  return {
    wtpBoardData: wtpBoardData(flexupEnterprise, { model: self.model, serial: self.serial, baseMac: self.mac }),
    wtpDescriptor: wtpDescriptor(
      { hardware: self.hardwareVersion, activeSoftware: self.activeVersion, boot: self.bootVersion, otherSoftware: self.otherVersions },
      radios.length,
    ),
    wtpFrameTunnelMode: localBridging,
    wtpMacType: localMac,
    ieee80211RadioInformation: radios,
  };
}

/** §5.1 and §5.3 */
export const discoveryRequestElements = (self: WtpSelf, foundBy: DiscoverySource = "static"): ElementsOf<"discoveryRequest"> => ({
  discoveryType: discoveryTypes[foundBy],
  ...description(self),
});

/** §6.1 */
export const joinRequestElements = (self: WtpSelf, sessionId: Uint8Array): ElementsOf<"joinRequest"> => ({
  ...description(self),
  locationData: self.location,
  wtpName: self.name,
  sessionId,
  ecnSupport: "limited",
  ...(isIPv6(self.localAddress) ? { localIpv6: self.localAddress } : { localIpv4: self.localAddress }),
  wtpRebootStatistics: self.reboots,
  ...(self.inventory && { apInventory: self.inventory }),
  ...(self.rolledBack && { rolledBack: self.rolledBack }),
});

/** §8.2 */
export const configurationStatusRequestElements = (
  self: WtpSelf,
  acName: string,
  controllers: readonly KnownController[],
): ElementsOf<"configurationStatusRequest"> => ({
  acName,
  radioAdministrativeState: [0xff, ...radios.map(({ radioId }) => radioId)].map((radioId) => ({ radioId, state: "enabled" as const })),
  ieee80211RadioInformation: radios,
  statisticsTimer: radioDefaults.statisticsTimerSeconds,
  wtpRebootStatistics: self.reboots,
  acNameWithPriority: controllers.flatMap(({ name }, index) => (name === undefined ? [] : [{ priority: Math.min(index + 1, 255), name }])),
});

/** §8.6 */
export const changeStateEventElements = (): ElementsOf<"changeStateEventRequest"> => ({
  radioOperationalState: radios.map(({ radioId }) => ({ radioId, state: "enabled" as const, cause: "normal" as const })),
  resultCode: 0,
});
