/** Fields that several of our vendor elements share. */
import { type Field, line, mapped, prefixed, record, u8, u16, u32 } from "../../base/field-table.js";
import type { Flavor } from "../../base/flavor.js";
import { type IpAddress, isIpAddress } from "../../base/ip-address.js";

export const shortText = (max: number): Field<string> => prefixed(u8, line(0, max));

/** Numeric IPv4 or IPv6 text, or empty for "none". */
export const addressText: Field<IpAddress> = mapped(
  shortText(45),
  (address) => (address === "" || isIpAddress(address) ? address : undefined),
  (address) => address,
  "neither empty nor an IP address",
  "",
);

/** UDP endpoint as text and port. */
export const endpoint = record({ address: addressText, port: u16 });

/** A controller's number of a run as APs know it: controllers count from starts of their own, since an AP carries a run from one to another. */
export type WireRunId = Flavor<number, "WireRunId">;
export const wireRunId: Field<WireRunId> = u32;
