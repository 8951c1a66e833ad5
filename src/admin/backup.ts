import { createHash, randomUUID } from "node:crypto";
import { createReadStream, readdirSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { writeBackup } from "../runtime/controller/store/backup.js";
import type { Store } from "../runtime/controller/store/store.js";
import { type AccessOptions, auditWriter } from "./access.js";
import { backupPath } from "./order-paths.js";
import { callerText } from "./roles.js";
import { failureBody } from "./schema.js";

export interface BackupOptions {
  readonly store: Store;
  /** For backups while they are sent. */
  readonly folder: string;
}

const temporaryName = /^backup-[0-9a-f-]{36}\.part$/;

/** `GET /backup`: the database as of now in one file. Its SHA-256 goes ahead of it (RFC 9530), so that a cut-off one is noticed. */
export function registerBackup(app: FastifyInstance, { store, folder }: BackupOptions, access: AccessOptions | undefined): void {
  for (const name of readdirSync(folder)) if (temporaryName.test(name)) rmSync(join(folder, name));
  app.get(
    backupPath,
    {
      config: { role: "admin" },
      schema: {
        operationId: "backup",
        summary: "Everything that the controller stores but images and keys, as a file for `flexup data restore`",
        tags: ["config"],
        produces: ["application/octet-stream"],
        response: { "4xx": failureBody, "5xx": failureBody },
      },
    },
    async (request, reply) => {
      const path = join(folder, `backup-${randomUUID()}.part`);
      try {
        writeBackup(store, path);
        const digest = await sha256Of(path);
        const file = await open(path);
        if (access !== undefined && request.caller !== null)
          auditWriter(access)({
            who: callerText(request.caller),
            from: request.ip,
            what: "backup",
            before: null,
            after: null,
            kind: "act",
          });
        return await reply
          .header("content-type", "application/octet-stream")
          .header("content-disposition", 'attachment; filename="flexup-backup.db"')
          .header("content-length", (await file.stat()).size)
          .header("repr-digest", `sha-256=:${digest}:`)
          .send(file.createReadStream());
      } finally {
        // What is open can still be read.
        rmSync(path, { force: true });
      }
    },
  );
}

/** Base64. */
async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("base64");
}
