/** `GET /events`: the live feed as server-sent events (WHATWG HTML §9.2), resumable by Last-Event-ID. */
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type AccessOptions, standingOf } from "./access.js";
import type { LiveFeed, NumberedChange } from "./live-feed.js";
import { apiPrefix } from "./order-paths.js";
import { protectiveHeaders } from "./protection.js";
import { failureBody } from "./schema.js";

/** Proxies close what is silent; a reader that is gone is noticed by the write. */
const heartbeatMs = 15_000;
/** A reader that takes nothing for so long is cut off; it resumes where it was. */
const stalledMsMax = 60_000;

const eventId = z.string().regex(/^[0-9a-f]{8}-\d{1,15}$/, "expected the id of an event");
const snapshotAnswer = z.object({ id: eventId, snapshot: z.unknown().describe("The `data` of the stream's event `snapshot`") });

/** Registers the stream. Closing the server ends every stream; so does the end of its reader's login, at once. */
export function registerEventStream(app: FastifyInstance, feed: LiveFeed, access?: AccessOptions): void {
  const frames = new Frames(randomBytes(4).toString("hex"));
  const streams = new Set<EventStream>();
  app.addHook("preClose", async () => {
    for (const stream of streams) stream.end();
    feed.close();
  });
  app.addHook("onResponse", async ({ routeOptions }) => {
    if (routeOptions.config.endsLogins) for (const stream of streams) stream.check();
  });
  app.get(
    `${apiPrefix}/events/snapshot`,
    {
      schema: {
        operationId: "events-snapshot",
        summary: "The snapshot that begins the event stream, as one response; the stream continues from its id with `?after=ID`",
        tags: ["events"],
        response: { 200: snapshotAnswer, "4xx": failureBody, "5xx": failureBody },
      },
    },
    async (_request, reply) => {
      const snapshot = await feed.snapshot();
      return reply.type("application/json; charset=utf-8").send(`{"id":"${frames.idOf(snapshot)}","snapshot":${snapshot.text}}`);
    },
  );
  for (const url of [`${apiPrefix}/events`, "/api/events"]) {
    app.get(
      url,
      {
        // Without a body a stream would never end.
        exposeHeadRoute: false,
        schema: {
          operationId: "events",
          summary: "Live changes as server-sent events",
          tags: ["events"],
          hide: url === "/api/events",
          querystring: z.object({ after: eventId.optional().describe("As Last-Event-ID, for who cannot set a header") }),
        },
      },
      (request, reply) => {
        reply.hijack();
        const whoNow = access && standingOf(request, access);
        const isWelcome = (): boolean => whoNow === undefined || whoNow() !== undefined;
        const stream = new EventStream({ response: reply.raw, feed, frames, isWelcome, onEnd: () => streams.delete(stream) });
        streams.add(stream);
        // A browser that comes back after a loss repeats the address of its first call; the header is newer.
        const lastId = request.headers["last-event-id"] ?? (request.query as { after?: string }).after;
        void stream.start(typeof lastId === "string" ? lastId : undefined);
      },
    );
  }
}

interface EventStreamOptions {
  readonly response: ServerResponse;
  readonly feed: LiveFeed;
  readonly frames: Frames;
  readonly isWelcome: () => boolean;
  readonly onEnd: () => void;
}

/** Encoded changes. Each is encoded once: a thousand slow readers of a snapshot share its bytes. */
class Frames {
  /** Begins every id: numbers of another process mean nothing here. */
  readonly epoch: string;
  readonly #encoded = new WeakMap<NumberedChange, Buffer>();

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  idOf({ number }: NumberedChange): string {
    return `${this.epoch}-${number}`;
  }

  of(event: "snapshot" | "change", change: NumberedChange): Buffer {
    const known = this.#encoded.get(change);
    if (known !== undefined) return known;
    const frame = Buffer.from(`id: ${this.idOf(change)}\nevent: ${event}\ndata: ${change.text}\n\n`);
    this.#encoded.set(change, frame);
    return frame;
  }
}

/**
 * One reader. What it has not taken yet is not queued here: once its socket is full it is only remembered how far it is, and it gets
 * the changes since, or a new snapshot, when it has room again. So a slow reader costs the rest of one change that others hold too.
 */
class EventStream {
  readonly #response: ServerResponse;
  readonly #feed: LiveFeed;
  readonly #frames: Frames;
  readonly #isWelcome: () => boolean;
  readonly #onEnd: () => void;
  #unfollow = (): void => {};
  #heartbeat: NodeJS.Timeout | undefined;
  #stalled: NodeJS.Timeout | undefined;
  /** Number of the last change that was written. */
  #number = -1;
  #full = false;
  #ended = false;

  constructor({ response, feed, frames, isWelcome, onEnd }: EventStreamOptions) {
    this.#response = response;
    this.#feed = feed;
    this.#frames = frames;
    this.#isWelcome = isWelcome;
    this.#onEnd = onEnd;
    response.on("close", () => this.end());
    response.on("error", () => this.end());
    response.on("drain", () => {
      clearTimeout(this.#stalled);
      this.#full = false;
      void this.#catchUp();
    });
  }

  async start(lastId: string | undefined): Promise<void> {
    this.#response.writeHead(200, { ...protectiveHeaders, "content-type": "text/event-stream", "x-accel-buffering": "no" });
    // Node keeps the head back until there is a body; a reader that missed nothing would wait for the heartbeat.
    this.#response.flushHeaders();
    const [epoch, number] = lastId?.split("-") ?? [];
    if (epoch === this.#frames.epoch && /^\d{1,15}$/.test(number ?? "")) this.#number = Number(number);
    await this.#catchUp();
    if (this.#ended) return;
    this.#unfollow = this.#feed.follow((change) => {
      if (change.number === this.#number + 1) this.#write("change", change);
    });
    this.#heartbeat = setInterval(() => {
      this.check();
      if (!this.#full) this.#send(": alive\n\n");
    }, heartbeatMs);
    await this.#catchUp();
  }

  /** Ends the stream of a reader whose login is over. */
  check(): void {
    if (!this.#isWelcome()) this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unfollow();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#stalled);
    this.#response.end();
    this.#onEnd();
  }

  async #catchUp(): Promise<void> {
    const missed = this.#number < 0 ? undefined : await this.#feed.changesAfter(this.#number);
    if (missed === undefined) {
      const snapshot = await this.#feed.snapshot();
      if (snapshot.number !== this.#number) this.#write("snapshot", snapshot);
      return;
    }
    for (const change of missed) if (change.number === this.#number + 1) this.#write("change", change);
  }

  #write(event: "snapshot" | "change", change: NumberedChange): void {
    if (this.#full || this.#ended) return;
    this.#number = change.number;
    this.#send(this.#frames.of(event, change));
  }

  #send(frame: Buffer | string): void {
    if (this.#ended || this.#response.write(frame)) return;
    this.#full = true;
    this.#stalled = setTimeout(() => this.#response.destroy(), stalledMsMax);
  }
}
