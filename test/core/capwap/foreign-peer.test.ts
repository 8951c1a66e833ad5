/** Our AC and a foreign WTP, our WTP and a foreign AC: the foreign ones know RFC 5415 and nothing of flexup. */
import { createHash } from "node:crypto";
import t from "tap";
import { Prng } from "../../../src/base/prng.js";
import type { AcEvent, AcOutput } from "../../../src/core/capwap/ac/ac-contract.js";
import { AccessController } from "../../../src/core/capwap/ac/access-controller.js";
import type { WtpEvent, WtpOutput } from "../../../src/core/capwap/wtp/wtp-contract.js";
import { WtpSession } from "../../../src/core/capwap/wtp/wtp-session.js";
import { accepting, acEndpoint, acSettings, wtpSelf, wtpSettings } from "../../support/capwap-world.js";
import { ForeignAc, type ForeignAcOptions, ForeignWtp, type ForeignWtpOptions } from "../../support/rfc-peer.js";

const imageBytes = (sizeBytes: number): Buffer => Buffer.from(new Prng(sizeBytes).bytes(sizeBytes));
const now = 1_000;

/** Our AC; the foreign WTP joins it and is told to download. */
class OurAc {
  readonly ac = new AccessController<string>(acSettings, accepting);
  readonly events: AcEvent<string>[] = [];
  readonly image: Buffer;
  readonly wtp: ForeignWtp;
  readonly #peer = { address: "10.0.1.1", port: 40_000 };
  readonly #toWtp: Buffer[] = [];
  /** Aborts when so many bytes are acknowledged. */
  abortAtBytes = Number.POSITIVE_INFINITY;

  constructor(image: Buffer, fail?: ForeignWtpOptions["fail"]) {
    this.image = image;
    this.wtp = new ForeignWtp({
      address: "10.0.1.1",
      mac: "02:00:00:00:00:99",
      name: "foreign",
      model: "X-1",
      version: "1.0",
      ...(fail && { fail }),
    });
  }

  download(): this {
    this.#carry(this.wtp.start());
    this.#act((out) =>
      this.ac.request(
        now,
        1,
        { type: "configurationUpdateRequest", elements: { imageIdentifier: { vendor: 9, name: "2.0" } } },
        "order",
        out,
      ),
    );
    this.#carry([]);
    return this;
  }

  #carry(toAc: Buffer[]): void {
    const queue = [...toAc];
    for (;;) {
      const up = queue.shift();
      if (up !== undefined) this.#act((out) => this.ac.datagram(now, { from: this.#peer, bytes: up, carriage: "clear" }, out));
      const down = this.#toWtp.shift();
      if (down !== undefined) queue.push(...this.wtp.receive(down));
      if (up === undefined && down === undefined) return;
    }
  }

  #act(work: (out: AcOutput<string>[]) => void): void {
    const out: AcOutput<string>[] = [];
    work(out);
    for (const output of out) {
      if (output.type === "send") {
        const { offset = 0, length = 0 } = output.image ?? {};
        this.#toWtp.push(Buffer.concat([output.bytes, this.image.subarray(offset, offset + length)]));
      } else if (output.type !== "open-link" && output.type !== "close-link") this.#event(output);
    }
  }

  #event(event: AcEvent<string>): void {
    this.events.push(event);
    if (event.type === "image-wanted") {
      const md5 = createHash("md5").update(this.image).digest();
      const answer = { type: "transfer", sha256: "i", sizeBytes: this.image.length, md5 } as const;
      this.#act((out) => this.ac.answerImage(now, event.session, answer, out));
    }
    if (event.type === "transfer-progress" && event.bytesDone >= this.abortAtBytes) {
      this.abortAtBytes = Number.POSITIVE_INFINITY;
      this.#act((out) => this.ac.abortTransfer(now, event.session, out));
    }
  }

  get ended() {
    return this.events.find(({ type }) => type === "transfer-ended");
  }
}

t.test("a foreign WTP downloads from our AC", async (t) => {
  for (const sizeBytes of [1, 1_023, 1_024, 1_025, 2_048, 100_000]) {
    const { wtp, image, ended } = new OurAc(imageBytes(sizeBytes)).download();
    t.equal(wtp.state, "run");
    t.equal(wtp.download, "complete", `${sizeBytes} bytes`);
    t.ok(wtp.image.equals(image));
    t.match(ended, { outcome: { type: "complete" }, bytesDone: sizeBytes });
  }
});

t.test("a foreign WTP's error codes", async (t) => {
  for (const resultCode of [14, 15, 16, 17]) {
    const { wtp, ended } = new OurAc(imageBytes(10_000), { block: 4, resultCode }).download();
    t.match(ended, { outcome: { type: "refused", resultCode }, bytesDone: 4_096 });
    t.equal(wtp.blocks.length, 4, "no block after the refusal");
  }
});

t.test("our AC's abort reaches a foreign WTP as Image Data type 5", async (t) => {
  const ours = new OurAc(imageBytes(10_000));
  ours.abortAtBytes = 3_000;
  ours.download();
  t.equal(ours.wtp.download, "aborted");
  t.match(ours.ended, { outcome: { type: "aborted" } });
});

/** Our WTP in Run on a foreign AC that orders a download. */
function ourWtp(options: Partial<ForeignAcOptions> & { readonly image: Buffer }, blockResult: (last: boolean) => number = () => 0) {
  const ac = new ForeignAc({ address: acEndpoint.address, name: "foreign-ac", ...options });
  const wtp = new WtpSession<string>(wtpSettings, () => wtpSelf(0), new Prng(1));
  const events: WtpEvent<string>[] = [];
  const written: Buffer[] = [];
  const toAc: Buffer[] = [];
  let at = now;
  const act = (work: (out: WtpOutput<string>[]) => void): void => {
    const out: WtpOutput<string>[] = [];
    work(out);
    for (const output of out) {
      if (output.type === "send") toAc.push(Buffer.from(output.bytes));
      else if (output.type !== "open-link" && output.type !== "close-link") {
        events.push(output);
        if (output.type === "configuration-update") {
          act((inner) => wtp.answerConfigurationUpdate(at, { resultCode: 0 }, inner));
          const identifier = output.elements.imageIdentifier;
          if (identifier) act((inner) => wtp.startImage(at, identifier, undefined, inner));
        }
        if (output.type === "image-block") {
          written.push(Buffer.from(output.bytes));
          act((inner) => wtp.blockStored(at, blockResult(output.last), inner));
        }
      }
    }
  };
  const carry = (down: Buffer[]): void => {
    const queue = [...down];
    for (;;) {
      const bytes = queue.shift();
      if (bytes !== undefined) act((out) => wtp.datagram(at, { from: acEndpoint, bytes, carriage: "clear" }, out));
      const up = toAc.shift();
      if (up !== undefined) queue.push(...ac.receive(up));
      if (bytes === undefined && up === undefined) return;
    }
  };
  act((out) => wtp.start(at, out));
  at = wtp.nextWakeAt() ?? at;
  act((out) => wtp.wake(at, out));
  carry([]);
  carry(ac.order("2.0"));
  return { ac, wtp, events, image: Buffer.concat(written) };
}

t.test("a foreign AC feeds our WTP", async (t) => {
  for (const sizeBytes of [1, 1_023, 1_024, 1_025, 4_096, 100_000]) {
    const image = imageBytes(sizeBytes);
    const { ac, wtp, events, image: stored } = ourWtp({ image });
    t.equal(wtp.state, "run");
    t.equal(ac.transfer, "complete", `${sizeBytes} bytes`);
    t.ok(stored.equals(image));
    t.match(events.at(-1), { type: "image-complete", sizeBytes });
  }
});

t.test("a foreign AC sees our error codes", async (t) => {
  const image = imageBytes(5_000);
  for (const resultCode of [14, 16, 17]) {
    const { ac, events } = ourWtp({ image }, (last) => (last ? resultCode : 0));
    t.equal(ac.transfer, "refused");
    t.equal(ac.results.at(-1), resultCode);
    t.match(events.at(-1), { type: "image-failed", reason: "rejected", resultCode });
  }
  for (const sizeBytes of [4_000, 6_000]) {
    const { ac, events } = ourWtp({ image, announce: { sizeBytes } });
    t.equal(ac.results.at(-1), 15, `${sizeBytes} announced, 5000 sent`);
    t.match(events.at(-1), { type: "image-failed", reason: "size-mismatch" });
  }
});

t.test("a foreign AC aborts or refuses", async (t) => {
  const aborted = ourWtp({ image: imageBytes(5_000), abortAtBlock: 2 });
  t.match(aborted.events.at(-1), { type: "image-failed", reason: "aborted" });
  t.same(aborted.ac.results, [0, 0, 0], "the abort is acknowledged, too");
  t.equal(aborted.wtp.state, "run");
  const refused = ourWtp({ image: imageBytes(5_000), refuse: 16 });
  t.match(refused.events.at(-1), { type: "image-failed", reason: "refused", resultCode: 16 });
  t.equal(refused.wtp.state, "run");
});
