/** A WTP that behaves like openCAPWAP's stays in Run with our AC, and finds its way back when the controller restarts. */
import t from "tap";
import { Prng } from "../../../src/base/prng.js";
import type { AcOutput } from "../../../src/core/capwap/ac/ac-contract.js";
import { AccessController } from "../../../src/core/capwap/ac/access-controller.js";
import { accepting, acSettings } from "../../support/capwap-world.js";
import { OpenCapwapWtp, type WtpDatagram } from "../../support/opencapwap-wtp.js";

const minuteMs = 60_000;
const networkMs = 5;
const control = { address: "10.0.1.1", port: 40_000 };
const data = { address: "10.0.1.1", port: 40_001 };

class Lab {
  now = 0;
  ac = this.#newAc();
  readonly wtp = new OpenCapwapWtp(control.address, "SN1");
  /** Datagrams of the AC. */
  answers = 0;
  readonly #prng = new Prng(1);
  #flights: { readonly at: number; readonly arrive: () => void }[] = [];

  restartController(): void {
    this.ac = this.#newAc();
  }

  #newAc(): AccessController<string> {
    return new AccessController<string>({ ...acSettings, dataChannel: true }, accepting);
  }

  run(until: number): void {
    for (;;) {
      this.#flights.sort((a, b) => a.at - b.at);
      const wakeAt = Math.min(this.ac.nextWakeAt() ?? Number.POSITIVE_INFINITY, this.wtp.nextWakeAt());
      const next = Math.min(this.#flights[0]?.at ?? Number.POSITIVE_INFINITY, wakeAt);
      if (next > until) break;
      this.now = Math.max(this.now, next);
      const flight = this.#flights[0];
      if (flight !== undefined && flight.at <= this.now) {
        this.#flights.shift();
        flight.arrive();
      } else {
        if ((this.ac.nextWakeAt() ?? Number.POSITIVE_INFINITY) <= this.now) this.onAc((ac, out) => ac.wake(this.now, out));
        if (this.wtp.nextWakeAt() <= this.now) this.carry(this.wtp.wake(this.now));
      }
    }
    this.now = until;
  }

  carry(datagrams: readonly WtpDatagram[]): void {
    for (const { channel, bytes } of datagrams) {
      this.#later(() =>
        this.onAc((ac, out) => {
          if (channel === "data") ac.dataDatagram(this.now, data, bytes, out);
          else ac.datagram(this.now, { from: control, bytes, carriage: "clear" }, out);
        }),
      );
    }
  }

  onAc(work: (ac: AccessController<string>, out: AcOutput<string>[]) => void): void {
    const out: AcOutput<string>[] = [];
    work(this.ac, out);
    for (const output of out) {
      if (output.type !== "send") continue;
      this.answers++;
      const bytes = Buffer.from(output.bytes);
      this.#later(() => {
        if (output.channel === "data") this.wtp.data(this.now);
        else this.carry(this.wtp.control(this.now, bytes));
      });
    }
  }

  #later(arrive: () => void): void {
    this.#flights.push({ at: this.now + networkMs + this.#prng.fraction(), arrive });
  }
}

t.test("ten minutes in Run, and again after a restart of the controller", async (t) => {
  const lab = new Lab();
  lab.carry(lab.wtp.start(0));
  lab.run(minuteMs);
  t.equal(lab.wtp.state, "running");
  lab.run(11 * minuteMs);
  t.same(lab.wtp.losses, [], "it has not left");
  t.ok(lab.answers < 200, `${lab.answers} datagrams of the controller in eleven minutes`);
  lab.restartController();
  lab.run(15 * minuteMs);
  t.equal(lab.wtp.losses.length, 1, `it gave the old session up: ${lab.wtp.losses}`);
  t.equal(lab.wtp.state, "running");
  t.equal(lab.wtp.runs, 2);
  lab.run(25 * minuteMs);
  t.equal(lab.wtp.losses.length, 1);
  t.ok(lab.answers < 500, `${lab.answers} datagrams of the controller in all`);
});
