/** `config export` and `config import`: both releases and everything that operators set about groups, as one YAML document. */
import type { ImportedConfig } from "../../admin/schema.js";
import { failure, type Result, success } from "../../base/failure.js";
import { type Command, command, fileCommand } from "../command.js";

export const configurationCommands: readonly Command[] = [
  command("config export", {
    help: "both releases and all groups as YAML",
    order: () => ({ type: "show-config" }),
    text: async (document) => (await import("yaml")).stringify(document),
  }),
  fileCommand("config backup <file>", "everything that the controller stores but images and keys, in one file", async ({ file }, files) => {
    const saved = await files.saveBackup(file);
    if (!saved.ok) return saved;
    const { path, sizeBytes } = saved.value;
    return { ok: true, value: saved.value, text: `Backup written to ${path} (${sizeBytes} bytes); "flexup data restore" puts it back\n` };
  }),
  fileCommand(
    "config import <file> [check]",
    "put releases and groups back as a YAML file has them; check: only tell the differences",
    async (values, files, operator) => {
      const text = await files.readText(values.file);
      if (!text.ok) return text;
      const document = await readDocument(values.file, text.value);
      if (!document.ok) return document;
      const answer = await operator.order({ type: "config-replace", ...document.value, check: values.check ?? false });
      if (!answer.ok) return answer;
      const { changes } = answer.value;
      return { ok: true, value: answer.value, text: changes.length === 0 ? "Nothing differs\n" : `${changes.join("\n")}\n` };
    },
  ),
];

/** What only this needs is loaded here: every other command is to start without it. */
async function readDocument(path: string, text: string): Promise<Result<ImportedConfig>> {
  const [{ parse }, { importedConfig }] = await Promise.all([import("yaml"), import("../../admin/schema.js")]);
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    return failure("invalid-config", `${path} is not valid YAML: ${(error as Error).message.split("\n")[0]?.replace(/:$/, "")}`);
  }
  const parsed = importedConfig.safeParse(document);
  if (parsed.success) return success(parsed.data);
  const [issue] = parsed.error.issues;
  return failure("invalid-config", `${path}, ${issue?.path.join(".") || "document"}: ${issue?.message}`);
}
