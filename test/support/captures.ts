/**
 * Packet capture files: reads UDP datagrams out of pcap and pcapng (Ethernet, Linux cooked and raw IP), and writes pcap (raw IPv4).
 * Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { Endpoint } from "../../src/base/endpoint.js";

export interface CapturedDatagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly payload: Uint8Array;
  /** Milliseconds since the epoch; only written, not read. */
  readonly at?: number;
}

const linkHeaderBytes: Readonly<Record<number, number>> = { 1: 14, 12: 0, 101: 0, 113: 16, 276: 20 };
const rawIp = 101;

export function readCapture(path: string): CapturedDatagram[] {
  const file = readFileSync(path);
  const frames = file.readUInt32BE(0) === 0x0a0d0d0a ? pcapngFrames(file) : pcapFrames(file);
  return frames.flatMap(({ linkType, frame }) => udpOf(frame.subarray(linkHeaderBytes[linkType] ?? frame.length)) ?? []);
}

interface Frame {
  readonly linkType: number;
  readonly frame: Buffer;
}

function pcapFrames(file: Buffer): Frame[] {
  const little = file.readUInt32LE(0) === 0xa1b2c3d4 || file.readUInt32LE(0) === 0xa1b23c4d;
  const u32 = (at: number): number => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const linkType = u32(20) & 0xffff;
  const frames: Frame[] = [];
  for (let at = 24; at + 16 <= file.length; at += 16 + u32(at + 8))
    frames.push({ linkType, frame: file.subarray(at + 16, at + 16 + u32(at + 8)) });
  return frames;
}

function pcapngFrames(file: Buffer): Frame[] {
  const little = file.readUInt32LE(8) === 0x1a2b3c4d;
  const u32 = (at: number): number => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const u16 = (at: number): number => (little ? file.readUInt16LE(at) : file.readUInt16BE(at));
  const linkTypes: number[] = [];
  const frames: Frame[] = [];
  for (let at = 0; at + 12 <= file.length; at += u32(at + 4)) {
    const block = u32(at);
    if (block === 1) linkTypes.push(u16(at + 8));
    if (block === 6) frames.push({ linkType: linkTypes[u32(at + 8)] ?? 0, frame: file.subarray(at + 28, at + 28 + u32(at + 20)) });
  }
  return frames;
}

function udpOf(packet: Buffer): CapturedDatagram | undefined {
  const version = (packet[0] ?? 0) >> 4;
  const headerBytes = version === 4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  const protocol = packet[version === 4 ? 9 : 6];
  if ((version !== 4 && version !== 6) || protocol !== 17 || packet.length < headerBytes + 8) return undefined;
  const address = (at: number): string =>
    version === 4 ? packet.subarray(at, at + 4).join(".") : packet.subarray(at, at + 16).toString("hex");
  const udp = packet.subarray(headerBytes);
  return {
    from: { address: address(version === 4 ? 12 : 8), port: udp.readUInt16BE(0) },
    to: { address: address(version === 4 ? 16 : 24), port: udp.readUInt16BE(2) },
    payload: Uint8Array.from(udp.subarray(8, udp.readUInt16BE(4))),
  };
}

/** Writes IPv4 datagrams as a pcap file of raw IP packets. */
export function writeCapture(path: string, datagrams: readonly CapturedDatagram[]): void {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(0xffff, 16);
  header.writeUInt32LE(rawIp, 20);
  writeFileSync(path, Buffer.concat([header, ...datagrams.flatMap(pcapRecord)]));
}

function pcapRecord({ from, to, payload, at = 0 }: CapturedDatagram): Buffer[] {
  const length = 28 + payload.length;
  const packet = Buffer.alloc(28);
  packet.writeUInt16BE(0x45c0, 0);
  packet.writeUInt16BE(length, 2);
  packet.writeUInt16BE(0x4011, 8);
  packet.set(from.address.split(".").map(Number), 12);
  packet.set(to.address.split(".").map(Number), 16);
  packet.writeUInt16BE(ipChecksum(packet.subarray(0, 20)), 10);
  packet.writeUInt16BE(from.port, 20);
  packet.writeUInt16BE(to.port, 22);
  packet.writeUInt16BE(8 + payload.length, 24);
  const record = Buffer.alloc(16);
  record.writeUInt32LE(Math.floor(at / 1000), 0);
  record.writeUInt32LE(Math.floor((at % 1000) * 1000), 4);
  record.writeUInt32LE(length, 8);
  record.writeUInt32LE(length, 12);
  return [record, packet, Buffer.from(payload)];
}

function ipChecksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
