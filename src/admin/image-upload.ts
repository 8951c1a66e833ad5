import type { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { z } from "zod";
import type { Instant } from "../base/time.js";
import type { ImageFolder, MeasuredImage } from "../runtime/controller/controller-images.js";
import type { RootMetadata } from "../runtime/trust/metadata.js";
import { judgeUpload } from "../runtime/trust/uploaded-bundle.js";
import { httpStatusOf } from "./http-status.js";
import { apiPrefix } from "./order-paths.js";
import type { OperatorPortFor } from "./order-routes.js";
import { failureBody, imageSchema, imageUpload } from "./schema.js";

export interface ImageUploadOptions {
  readonly portFor: OperatorPortFor;
  readonly images: ImageFolder;
  readonly imageBytesMax: number;
  /** Undefined where images need no signature. */
  readonly trustedRoot?: RootMetadata | undefined;
  readonly now?: () => Instant;
}

/** `POST /images`: the file streams into the image folder, is measured, and the catalogue decides whether it stays. */
export function registerImageUpload(app: FastifyInstance, options: ImageUploadOptions): void {
  const { portFor, images, imageBytesMax, trustedRoot, now } = options;
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
      const { version, models, release, fileName, bundleBytes } = request.query as z.output<typeof imageUpload>;
      const body = request.body as Readable | undefined;
      // The body is drained also when it is refused half-way: a client that still writes would not read the reason.
      const chunks = body?.iterator({ destroyOnReturn: false }) ?? [];
      const upload = splitUpload(chunks, bundleBytes);
      const decide = async (measured: MeasuredImage) => {
        const judged = judgeUpload(trustedRoot, { version, ...measured }, upload.bundle(), now?.() ?? 0);
        if (!judged.ok) return judged;
        return portFor(request).order({
          type: "image-add",
          image: { version, release, models: models.split(",").map((model) => model.trim()), fileName: offeredName(fileName), ...measured },
          ...(judged.value && { bundle: judged.value }),
        });
      };
      const announcedBytes = Math.max(0, Number(request.headers["content-length"] ?? 0) - bundleBytes);
      const result = await images.add(upload.image, imageBytesMax, decide, announcedBytes);
      body?.resume();
      return result.ok ? reply.status(201).send(result.value) : reply.status(httpStatusOf(result.failure)).send(result.failure);
    },
  });
}

interface Upload {
  readonly image: AsyncIterable<Uint8Array>;
  /** Once the image was read: what came before it; undefined for nothing. */
  readonly bundle: () => Uint8Array | undefined;
}

/** @param bundleBytes how much of the body comes before the image */
function splitUpload(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, bundleBytes: number): Upload {
  const head: Uint8Array[] = [];
  let missing = bundleBytes;
  async function* image(): AsyncIterable<Uint8Array> {
    for await (const chunk of chunks) {
      const ofBundle = chunk.subarray(0, missing);
      if (ofBundle.length > 0) head.push(ofBundle);
      missing -= ofBundle.length;
      const rest = chunk.subarray(ofBundle.length);
      if (rest.length > 0) yield rest;
    }
  }
  return { image: image(), bundle: () => (bundleBytes === 0 ? undefined : Buffer.concat(head)) };
}

/** The name under which primaries offer the file by TFTP: what is left of its own name. */
const offeredName = (fileName: string): string =>
  fileName
    .replace(/^.*[\\/]/, "")
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^\.+/, "")
    .slice(0, 128) || "image.bin";
