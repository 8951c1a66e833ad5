import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** The metrics of one daemon, for Prometheus. Names begin with `flexup_`; process and event-loop metrics come from prom-client. */
export class Metrics {
  readonly #registry = new Registry();

  constructor(daemon: "controller" | "ap") {
    this.#registry.setDefaultLabels({ daemon });
  }

  /** Watches the process and its event loop too. It costs timers, so only who has a reader asks for it. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry, prefix: "flexup_" });
  }

  /** @param labels names fixed in the code; values must come from a small closed set, never from the network */
  counter<Label extends string = never>(name: string, help: string, labels: readonly Label[] = []): Counter<Label> {
    return new Counter({ name: `flexup_${name}`, help, labelNames: labels, registers: [this.#registry] });
  }

  /** @param collect sets the gauge when it is asked for */
  gauge<Label extends string = never>(
    name: string,
    help: string,
    labels: readonly Label[],
    collect: (gauge: Gauge<Label>) => void | Promise<void>,
  ): Gauge<Label> {
    return new Gauge({
      name: `flexup_${name}`,
      help,
      labelNames: labels,
      registers: [this.#registry],
      collect() {
        return collect(this);
      },
    });
  }

  histogram<Label extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels: readonly Label[] = [],
  ): Histogram<Label> {
    return new Histogram({ name: `flexup_${name}`, help, buckets: [...buckets], labelNames: labels, registers: [this.#registry] });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
