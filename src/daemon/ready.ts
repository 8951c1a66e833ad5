/** The log lines by which a daemon says that it is up: what the demo, the tests and start scripts wait for. */
import type { ProcessLine } from "./process.js";

export interface ControllerReady {
  /** `127.0.0.1:5246` */
  readonly capwap: string;
  /** `http://127.0.0.1:8080` */
  readonly admin: string;
  /** `127.0.0.1:2222`; undefined without `--ssh`. */
  readonly ssh: string | undefined;
}

export const controllerReady = ({ msg, capwap, admin, ssh }: ProcessLine): ControllerReady | undefined =>
  msg === "controller ready"
    ? { capwap: String(capwap), admin: String(admin), ssh: ssh === undefined ? undefined : String(ssh) }
    : undefined;

export interface ApReady {
  /** Where it serves TFTP. */
  readonly tftp: string;
}

export const apReady = ({ msg, tftp }: ProcessLine): ApReady | undefined => (msg === "AP ready" ? { tftp: String(tftp) } : undefined);
