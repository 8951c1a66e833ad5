/** Where a subordinate reaches the TFTP server of its primary. */
import type { Endpoint } from "../../../base/endpoint.js";
import type { IpAddress } from "../../../base/ip-address.js";
import type { MacAddress } from "../../../base/mac-address.js";
import type { ApSession } from "../inventory.js";
import type { GroupRecord } from "../records.js";
import type { Member } from "./run.js";
import { policyOf, type RunParts } from "./run-parts.js";

type AddressPolicy = Pick<GroupRecord, "primaryAddress">;

/** Undefined while the primary has no session. */
export function tftpServerFor(parts: RunParts, { mac, run }: Member, primary: MacAddress): Endpoint | undefined {
  const session = parts.inventory.get(primary)?.session;
  return session ? tftpServer(session, parts.inventory.get(mac)?.session ?? null, policyOf(parts, run.group)) : undefined;
}

/**
 * The address from which the primary's session comes, or the one that it advertises: an AP behind a NAT of its own has to. What a
 * stranger says about itself could send the others to a third party, so only a session that is proven may advertise. Two APs behind one
 * NAT meet at the inner address.
 */
export function tftpServer(primary: ApSession, client: ApSession | null, policy: AddressPolicy): Endpoint {
  const { peer, localAddress, tftp } = primary;
  const { port } = tftp;
  if (tftp.address !== "" && mayAdvertise(primary, policy)) return { address: tftp.address, port };
  const isBehindSameNat = localAddress !== null && client?.peer.address === peer.address;
  return { address: isBehindSameNat ? localAddress : peer.address, port };
}

/** The address from which an AP's requests reach the primary `server`. */
export const tftpClientAddress = ({ peer, localAddress }: ApSession, server: ApSession): IpAddress =>
  localAddress !== null && peer.address === server.peer.address ? localAddress : peer.address;

const mayAdvertise = ({ proven }: ApSession, { primaryAddress }: AddressPolicy): boolean => proven && primaryAddress === "advertised";

/** The address that a primary advertises in vain, if it does. */
export const unusedAddress = (primary: ApSession, policy: AddressPolicy): string | undefined => {
  const { peer, tftp } = primary;
  return tftp.address === "" || tftp.address === peer.address || mayAdvertise(primary, policy) ? undefined : tftp.address;
};
