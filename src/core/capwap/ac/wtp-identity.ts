/** The identity of a WTP, from its Join Request. */
import { utf8 } from "../../../base/bytes.js";
import type { Endpoint } from "../../../base/endpoint.js";
import { failure, type Result, success } from "../../../base/failure.js";
import { isIPv6 } from "../../../base/ip-address.js";
import { type MacAddress, macFromBytes, macToBytes } from "../../../base/mac-address.js";
import { oneLine } from "../../../base/one-line.js";
import { wtpBoardOf, wtpVersionsOf } from "../../../wire/capwap/descriptors.js";
import type { ElementsOf } from "../../../wire/capwap/messages.js";
import type { LinkIdentity } from "../link/secure-link.js";
import type { WtpIdentity } from "./ac-contract.js";

/** RFC 5415 §4.6.45 and §4.6.30. */
const nameOctetsMax = 512;
const locationOctetsMax = 1024;

const groupBit = 0x01;
const locallyAdministeredBit = 0x02;

/** An address of one station: neither all zeros nor one of a group. */
const isIndividual = (mac: MacAddress): boolean => {
  const octets = macToBytes(mac);
  return ((octets[0] as number) & groupBit) === 0 && octets.some((octet) => octet !== 0);
};

/**
 * A locally administered address that stands for a WTP which states none: the same for the same vendor, model and serial number
 * (FNV-1a, 64 bits of which 46 remain).
 */
function macOfSerial(vendor: number, model: string, serial: string): MacAddress {
  let hash = 0xcbf29ce484222325n;
  for (const octet of utf8(`${vendor}\n${model}\n${serial}`)) hash = BigInt.asUintN(64, (hash ^ BigInt(octet)) * 0x100000001b3n);
  const octets = Uint8Array.from({ length: 6 }, (_, index) => Number((hash >> BigInt(8 * index)) & 0xffn));
  octets[0] = ((octets[0] as number) & ~groupBit) | locallyAdministeredBit;
  return macFromBytes(octets);
}

/**
 * The WTP behind a Join Request. Its Base MAC Address is optional (§4.6.40); the Radio MAC Address of the transport header, or vendor and
 * serial number, stand for one that is not given.
 *
 * Failure: `join-refused`, with what is wrong with the request.
 */
export function identityOf(
  peer: Endpoint,
  join: ElementsOf<"joinRequest">,
  radioMac: Uint8Array | undefined,
  link?: LinkIdentity,
): Result<WtpIdentity> {
  const board = wtpBoardOf(join.wtpBoardData);
  if (board === undefined) return refused("WTP Board Data lacks model or serial number");
  const versions = wtpVersionsOf(join.wtpDescriptor);
  if (versions === undefined) return refused("WTP Descriptor lacks the hardware, software or boot version");
  const fromHeader = radioMac?.length === 6 ? macFromBytes(radioMac) : undefined;
  const mac = board.baseMac ?? fromHeader ?? macOfSerial(join.wtpBoardData.vendor, board.model, board.serial);
  if (!isIndividual(mac)) return refused(`${mac} is not the MAC address of one device`);
  const bareAddress = peer.address.split("%")[0] as string;
  const localAddress = (isIPv6(bareAddress) ? (join.localIpv6 ?? join.localIpv4) : (join.localIpv4 ?? join.localIpv6)) ?? bareAddress;
  return success({
    mac,
    // Operators read both in tables, logs and terminals that they trust.
    name: oneLine(join.wtpName, nameOctetsMax) || mac,
    location: oneLine(join.locationData, locationOctetsMax),
    model: board.model,
    serial: board.serial,
    activeVersion: versions.activeSoftware,
    otherVersions: versions.otherSoftware,
    peer,
    localAddress,
    nat: localAddress !== bareAddress,
    link,
    join,
  });
}

const refused = (message: string): Result<never> => failure("join-refused", message);
