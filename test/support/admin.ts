import type { FastifyInstance } from "fastify";
import type { Test } from "tap";
import type { AccessOptions } from "../../src/admin/access.js";
import type { Door } from "../../src/admin/door.js";
import { LiveFeed } from "../../src/admin/live-feed.js";
import { createAdminServer } from "../../src/admin/server.js";
import { ImageFolder } from "../../src/runtime/controller-images.js";
import { createLogger } from "../../src/runtime/log.js";
import { Metrics } from "../../src/runtime/metrics.js";
import { temporaryFolder } from "./folder.js";

/** An admin API on a loopback port of its own in front of `door`, for one test. */
export async function serving(
  t: Pick<Test, "teardown">,
  { door, imageBytesMax = 1_000_000, access }: { door: Door; imageBytesMax?: number; access?: AccessOptions },
): Promise<{ app: FastifyInstance; feed: LiveFeed; url: URL; imageFolder: string }> {
  const imageFolder = temporaryFolder(t);
  const images = ImageFolder.open(imageFolder);
  if (!images.ok) throw new Error(images.failure.message);
  const log = createLogger({ name: "test", level: "silent" });
  const feed = new LiveFeed({ door, now: () => Date.now(), onTrouble: () => {} });
  const metrics = new Metrics("controller");
  const app = await createAdminServer({
    door,
    feed,
    metrics,
    images: images.value,
    log,
    imageBytesMax,
    version: "0.0.0",
    ...(access && { access }),
  });
  t.teardown(async () => {
    await app.close();
    images.value.close();
  });
  const url = new URL(await app.listen({ host: "127.50.0.3", port: 0 }));
  return { app, feed, url, imageFolder };
}
