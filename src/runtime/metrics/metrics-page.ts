import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Endpoint, endpointText } from "../../base/endpoint.js";
import { failure, type Result, success } from "../../base/failure.js";
import type { Metrics } from "./metrics.js";

export interface MetricsPage {
  /** The real port also where 0 was asked for. */
  readonly local: Endpoint;
  close(): Promise<void>;
}

/** `GET /metrics` and nothing else, for a daemon without an admin API. */
export async function openMetricsPage(metrics: Metrics, listen: Endpoint): Promise<Result<MetricsPage>> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    metrics.text().then(
      (text) => response.writeHead(200, { "content-type": metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(listen.port, listen.address, resolve);
    });
  } catch (error) {
    return failure("metrics-port-failed", `--metrics ${endpointText(listen)} cannot be opened: ${(error as Error).message}`);
  }
  const { address, port } = server.address() as AddressInfo;
  return success({
    local: { address, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
