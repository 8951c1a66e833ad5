/** `flexup data restore` and `rebuild`: what is done to a controller's data folder while no controller runs on it. */
import type { Command as Program } from "commander";
import type { Failure } from "../base/failure.js";

type Done = (code: 0 | 1) => void;

export function registerDataCommands(program: Program, done: Done): void {
  const data = program.command("data").description("put a stopped controller's data folder back, or repair it");
  const refused = ({ message }: Failure): void => {
    process.stderr.write(`${message}\n`);
    done(1);
  };
  data
    .command("restore <file>")
    .description('put back what "flexup config backup" wrote; what was there before is kept beside it')
    .requiredOption("--data <folder>", "the controller's data folder")
    .action(async (file: string, options: { readonly data: string }) => {
      const { restoreStore } = await import("../runtime/controller/store/backup.js");
      const result = restoreStore(options.data, file);
      if (!result.ok) return refused(result.failure);
      const { groups, images, former } = result.value;
      process.stdout.write(`Restored: ${groups} groups, ${images} images${former === undefined ? "" : `; before: ${former}`}\n`);
      return done(0);
    });
  data
    .command("rebuild")
    .description("keep what is sound in a damaged data folder; the damaged database is kept beside it")
    .requiredOption("--data <folder>", "the controller's data folder")
    .action(async (options: { readonly data: string }) => {
      const { rebuildStore } = await import("../runtime/controller/store/rebuild.js");
      const result = rebuildStore(options.data);
      if (!result.ok) return refused(result.failure);
      const { kept, lost, former } = result.value;
      for (const name of lost) process.stdout.write(`Lost: ${name}\n`);
      process.stdout.write(`Rebuilt: ${kept.record} rows, ${kept.user} users, ${kept.token} tokens; before: ${former}\n`);
      return done(0);
    });
}
