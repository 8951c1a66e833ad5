/** Fields that several of our vendor elements share. */
import { type Field, line, mapped, prefixed, record, u8, u16 } from "../../base/field-table.js";
import { type IpAddress, isIpAddress } from "../../base/ip-address.js";

export const shortText = (max: number): Field<string> => prefixed(u8, line(0, max));

/** Numeric IPv4 or IPv6 text, or empty for "none". */
const addressText: Field<IpAddress> = mapped(
  shortText(45),
  (address) => (address === "" || isIpAddress(address) ? address : undefined),
  (address) => address,
  "neither empty nor an IP address",
  "",
);

/** UDP endpoint as text and port. */
export const endpoint = record({ address: addressText, port: u16 });
