import type { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { z } from "zod";
import type { ImageFolder, MeasuredImage } from "../runtime/controller/controller-images.js";
import { httpStatusOf } from "./http-status.js";
import { apiPrefix } from "./order-paths.js";
import type { OperatorPortFor } from "./order-routes.js";
import { failureBody, imageSchema, imageUpload } from "./schema.js";

export interface ImageUploadOptions {
  readonly portFor: OperatorPortFor;
  readonly images: ImageFolder;
  readonly imageBytesMax: number;
}

/** `POST /images`: the file streams into the image folder, is measured, and the catalogue decides whether it stays. */
export function registerImageUpload(app: FastifyInstance, { portFor, images, imageBytesMax }: ImageUploadOptions): void {
  // Anything else is refused before the handler, which reads a stream.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));
  app.route({
    method: "POST",
    url: `${apiPrefix}/images`,
    config: { role: "operator", longBody: true },
    schema: {
      operationId: "image-add",
      summary: "Add an image file to a release; the body is the file as application/octet-stream",
      tags: ["images"],
      querystring: imageUpload,
      response: { 201: imageSchema, "4xx": failureBody, "5xx": failureBody },
    },
    handler: async (request, reply) => {
      const { version, models, release, fileName } = request.query as z.output<typeof imageUpload>;
      const body = request.body as Readable | undefined;
      // The body is drained also when it is refused half-way: a client that still writes would not read the reason.
      const chunks = body?.iterator({ destroyOnReturn: false }) ?? [];
      const decide = (measured: MeasuredImage) =>
        portFor(request).order({
          type: "image-add",
          image: { version, release, models: models.split(",").map((model) => model.trim()), fileName: offeredName(fileName), ...measured },
        });
      const announcedBytes = Number(request.headers["content-length"] ?? 0);
      const result = await images.add(asBytes(chunks), imageBytesMax, decide, announcedBytes);
      body?.resume();
      return result.ok ? reply.status(201).send(result.value) : reply.status(httpStatusOf(result.failure)).send(result.failure);
    },
  });
}

async function* asBytes(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* chunks;
}

/** The name under which primaries offer the file by TFTP: what is left of its own name. */
const offeredName = (fileName: string): string =>
  fileName
    .replace(/^.*[\\/]/, "")
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^\.+/, "")
    .slice(0, 128) || "image.bin";
