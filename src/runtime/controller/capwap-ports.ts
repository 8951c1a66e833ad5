/** The UDP ports of a controller: the control port, and the data port behind it where that is free (RFC 5415 §3.1). */
import type { Endpoint } from "../../base/endpoint.js";
import { type Result, success } from "../../base/failure.js";
import { openAnsweringPort } from "../udp/answering-port.js";
import { discoveryGroups, openGroupPorts } from "../udp/discovery-groups.js";
import { networkControlClass } from "../udp/socket-options.js";
import type { UdpPort } from "../udp/udp-ports.js";

/** A branch of APs can answer at once; the kernel keeps what one step of the machine takes. */
const socketBufferBytes = 4 * 2 ** 20;
const portMax = 65_535;

export interface CapwapPortsOptions {
  readonly listen: Endpoint;
  readonly onControl: (bytes: Uint8Array, from: Endpoint) => void;
  readonly onData: (bytes: Uint8Array, from: Endpoint) => void;
  readonly onError: (error: Error) => void;
}

export interface CapwapPorts {
  readonly control: UdpPort;
  /** Undefined where something else has the port: WTPs are then not offered a data channel. */
  readonly data: UdpPort | undefined;
  close(): Promise<void>;
}

/** Failure: the control port cannot be had, with the reason. */
export async function openCapwapPorts({ listen, onControl, onData, onError }: CapwapPortsOptions): Promise<Result<CapwapPorts>> {
  const control = await openAnsweringPort({
    ...listen,
    onDatagram: onControl,
    onError,
    bufferBytes: socketBufferBytes,
    neverFragment: true,
    trafficClass: networkControlClass,
    groups: discoveryGroups(listen.address),
  });
  if (!control.ok) return control;
  const { port } = control.value.local;
  const data = port === portMax ? undefined : await openAnsweringPort({ ...listen, port: port + 1, onDatagram: onData, onError });
  const groups = await openGroupPorts({ address: listen.address, port }, { onDatagram: onControl, onError });
  const opened = [control.value, ...(data?.ok ? [data.value] : []), ...groups];
  return success({
    control: control.value,
    data: data?.ok ? data.value : undefined,
    close: async () => {
      await Promise.all(opened.map((one) => one.close()));
    },
  });
}
