import type { SavedBackup } from "../admin/backup-file.js";
import type { OperatorPort } from "../admin/operator-port.js";
import type { ImageDescription } from "../admin/order-paths.js";
import type { Failure, Result } from "../base/failure.js";
import type { ResultOf } from "../core/controller/operator/order-results.js";
import type { Order } from "../core/controller/operator/orders.js";
import type { ImageAdded } from "../core/controller/operator/views.js";
import type { Pattern, Values } from "./grammar.js";
import type { ParameterName, ParameterValue } from "./parameters.js";

/** What a command works with, wherever it was typed. */
export interface CommandContext {
  readonly operator: OperatorPort;
  /** Files of the machine where the command was typed; absent over SSH. */
  readonly files?: LocalFiles;
}

export interface LocalFiles {
  /** Sends an image file to the controller. */
  /** @param bundle path of the image's bundle; undefined without */
  upload(
    path: string,
    bundle: string | undefined,
    description: Omit<ImageDescription, "fileName" | "bundleBytes">,
  ): Promise<Result<ImageAdded>>;
  /** Takes a backup of what the controller stores. */
  saveBackup(path: string): Promise<Result<SavedBackup>>;
  /** Failure: `file-unreadable`. */
  readText(path: string): Promise<Result<string>>;
}

export type Outcome =
  | {
      readonly ok: true;
      /** What `--json` prints. */
      readonly value: unknown;
      /** What people see: whole lines, or nothing. */
      readonly text: string;
      /** Done, but some AP refused: exit code 1. */
      readonly partial?: true;
    }
  | { readonly ok: false; readonly failure: Failure };

export interface Command extends Pattern {
  /** A few words for help. */
  readonly help: string;
  /** Needs `files`; not offered without them. */
  readonly needsFiles?: true;
  /** The command's only order, where it is one. */
  readonly order?: (values: Values) => Order;
  readonly run: (values: Values, context: CommandContext) => Promise<Outcome>;
}

type NamesIn<P extends string> = P extends `${string}<${infer Name}>${infer Rest}` ? (Name & ParameterName) | NamesIn<Rest> : never;
/** What is between brackets, and the rest. */
type OptionalIn<P extends string> = P extends `${string}[${infer Words}]${infer Rest}` ? Words | OptionalIn<Rest> : never;
type RequiredIn<P extends string> = P extends `${infer Before}[${string}]${infer Rest}` ? `${Before}${RequiredIn<Rest>}` : P;
type FlagsIn<P extends string> = Exclude<OptionalIn<P>, `${string}<${string}`>;
/** The values that a pattern's parameters and optional words bring, by name. */
export type ValuesOf<P extends string> = { readonly [Name in NamesIn<RequiredIn<P>>]: ParameterValue<Name> } & {
  readonly [Name in NamesIn<OptionalIn<P>>]?: ParameterValue<Name>;
} & { readonly [Flag in FlagsIn<P>]?: true };

interface OrderCommand<P extends string, T extends Order> {
  readonly help: string;
  readonly order: (values: ValuesOf<P>) => T;
  /** Default: nothing, as the vendor's `config` commands do. */
  readonly text?: (value: ResultOf<T["type"]>, values: ValuesOf<P>) => string | Promise<string>;
  /** Whether some AP refused. */
  readonly partial?: (value: ResultOf<T["type"]>) => boolean;
}

/** A command that gives one order and shows its answer. */
export function command<const P extends string, T extends Order>(pattern: P, { help, order, text, partial }: OrderCommand<P, T>): Command {
  const orderOf = order as (values: Values) => T;
  return {
    pattern,
    help,
    order: orderOf,
    async run(values, { operator }) {
      const answer = await operator.order(orderOf(values));
      if (!answer.ok) return answer;
      return {
        ok: true,
        value: answer.value,
        text: (await text?.(answer.value, values as ValuesOf<P>)) ?? "",
        ...(partial?.(answer.value) && { partial: true }),
      };
    },
  };
}

/** A command that needs a file of the machine where it was typed. */
export function fileCommand<const P extends string>(
  pattern: P,
  help: string,
  run: (values: ValuesOf<P>, files: LocalFiles, operator: OperatorPort) => Promise<Outcome>,
): Command {
  return {
    pattern,
    help,
    needsFiles: true,
    async run(values, { files, operator }) {
      if (files === undefined)
        return {
          ok: false,
          failure: { code: "no-files-here", message: "There are no files here; use the flexup command on your own machine" },
        };
      return run(values as ValuesOf<P>, files, operator);
    },
  };
}
