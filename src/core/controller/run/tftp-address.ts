/** Where a subordinate reaches the TFTP server of its primary. */
import type { Endpoint } from "../../../base/endpoint.js";
import type { IpAddress } from "../../../base/ip-address.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { ApSession } from "../inventory.js";
import type { GroupRecord } from "../records.js";
import type { Member } from "./run.js";
import { policyOf, type RunParts } from "./run-parts.js";

/** Undefined while the primary has no session. */
export function tftpServerFor(parts: RunParts, { mac, run }: Member, primary: MacAddress): Endpoint | undefined {
  const session = parts.inventory.get(primary)?.session;
  return session ? tftpServer(session, parts.inventory.get(mac)?.session ?? null, policyOf(parts, run.group)) : undefined;
}

/**
 * The address from which the primary's session comes: what an AP says about itself could send the others to a third party. Two APs behind
 * one NAT meet at the inner address, and an operator may let a group's primaries advertise another.
 */
export function tftpServer(
  { peer, localAddress, tftp }: ApSession,
  client: ApSession | null,
  { primaryAddress }: Pick<GroupRecord, "primaryAddress">,
): Endpoint {
  const { port } = tftp;
  if (primaryAddress === "advertised" && tftp.address !== "") return { address: tftp.address, port };
  const isBehindSameNat = localAddress !== null && client?.peer.address === peer.address;
  return { address: isBehindSameNat ? localAddress : peer.address, port };
}

/** The address from which an AP's requests reach the primary `server`. */
export const tftpClientAddress = ({ peer, localAddress }: ApSession, server: ApSession): IpAddress =>
  localAddress !== null && peer.address === server.peer.address ? localAddress : peer.address;

/** The address that a primary advertises in vain, if it does. */
export const unusedAddress = ({ peer, tftp }: ApSession, { primaryAddress }: Pick<GroupRecord, "primaryAddress">): string | undefined =>
  primaryAddress === "advertised" || tftp.address === "" || tftp.address === peer.address ? undefined : tftp.address;
