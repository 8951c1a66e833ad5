import type { SystemView } from "../../core/controller/operator/views.js";
import { dotted, lines } from "./columns.js";

const width = 49;
const time = (at: number): string => new Date(at).toISOString().slice(0, 19).replace("T", " ");

/** `show sysinfo`. Times are UTC. */
export const systemText = ({ version, startedAt, storage, link, signatures, certificate }: SystemView): string =>
  lines(
    dotted("Product Version", version, width),
    dotted("Started (UTC)", time(startedAt), width),
    dotted("Storage", storageText(storage), width),
    dotted("AP Links", link === "dtls" ? "DTLS" : "CLEAR TEXT: anyone on the path can command the APs", width),
    dotted("Image Signatures", signatures === "required" ? "Required" : "NOT VERIFIED: images are unsigned", width),
    dotted("Certificate", certificate === null ? "None (plain HTTP)" : certificateText(certificate), width),
  );

const storageText = (storage: SystemView["storage"]): string =>
  storage.state === "writable" ? "Writable" : `Read-only: ${storage.reason}; changes are refused, ${storage.unsavedRows} rows wait`;

const certificateText = ({ own, validTo }: NonNullable<SystemView["certificate"]>): string =>
  `${own ? "Own, renewed before" : "Given, ends"} ${time(validTo)}`;
