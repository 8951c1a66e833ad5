/** Keeps the controller informed of its peer's images: at its start, periodically, and soon after either side may have changed. */
import { readFileSync } from "node:fs";
import { askPeerImages, type PeerAddress } from "../admin/peer-images.js";
import { failure, type Result, success } from "../base/failure.js";
import type { ControllerEvent } from "../core/controller/events.js";
import type { PeerAnswer } from "../core/controller/peer-parity.js";
import type { ControllerSettings } from "./controller-config.js";

export interface PeerWatchOptions {
  readonly peer: PeerAddress;
  readonly onAnswer: (answer: PeerAnswer) => void;
  /** From the end of one question to the next. */
  readonly everyMs?: number;
}

const everyMsDefault = 10_000;
/** An operator who brings both sides in line acts on one after the other. */
const soonMs = 500;
const changesImages: ReadonlySet<string> = new Set(["image-add", "image-remove", "config-replace"]);

export class PeerWatch {
  readonly #options: PeerWatchOptions;
  readonly #everyMs: number;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** When the next question goes out, by the process's own clock. */
  #askAtMs = Number.POSITIVE_INFINITY;
  #asking: Promise<void> = Promise.resolve();
  #isAsking = false;
  /** Something happened while the peer was being asked. */
  #again = false;

  constructor(options: PeerWatchOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? everyMsDefault;
    this.#askIn(0);
  }

  /** An event of this controller. */
  note(event: ControllerEvent): void {
    const isNews =
      event.type === "order-done"
        ? changesImages.has(event.order)
        : event.type === "order-refused" && event.failure.code === "peer-differs";
    if (!isNews) return;
    if (this.#isAsking) this.#again = true;
    else this.#askIn(soonMs);
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort(new Error("the controller stops"));
    await this.#asking;
  }

  /** In `ms` or sooner: a change only ever brings the next question forward, however often it comes. */
  #askIn(ms: number): void {
    const atMs = performance.now() + ms;
    if (atMs >= this.#askAtMs) return;
    this.#askAtMs = atMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#askAtMs = Number.POSITIVE_INFINITY;
      this.#asking = this.#ask();
    }, ms);
  }

  async #ask(): Promise<void> {
    const { peer, onAnswer } = this.#options;
    const { signal } = this.#closing;
    this.#isAsking = true;
    this.#again = false;
    const answer = await askPeerImages(peer, signal);
    this.#isAsking = false;
    if (signal.aborted) return;
    onAnswer(answer);
    this.#askIn(this.#again ? soonMs : this.#everyMs);
  }
}

/** Failures: `peer-token-unreadable`, `peer-certificate-unreadable`. Undefined without a peer. */
export function peerAddress(
  { peer, peerTokenFile, peerCert }: ControllerSettings,
  env: Readonly<Record<string, string | undefined>>,
): Result<PeerAddress | undefined> {
  if (peer === null) return success(undefined);
  const token = peerTokenFile === undefined ? success(env["FLEXUP_PEER_TOKEN"]) : readText(peerTokenFile, "peer-token-unreadable");
  if (!token.ok) return token;
  const certificate = peerCert === undefined ? success(undefined) : readCertificate(peerCert);
  if (!certificate.ok) return certificate;
  return success({ url: new URL(peer), token: token.value?.trim(), certificate: certificate.value });
}

function readText(path: string, code: string): Result<string> {
  try {
    return success(readFileSync(path, "utf8"));
  } catch (error) {
    return failure(code, `${path} cannot be read: ${(error as Error).message}`);
  }
}

function readCertificate(path: string): Result<string> {
  const code = "peer-certificate-unreadable";
  const text = readText(path, code);
  if (!text.ok || text.value.includes("-----BEGIN CERTIFICATE-----")) return text;
  return failure(code, `${path} holds no certificate; give the peer's DATA/tls/cert.pem, PEM`);
}
