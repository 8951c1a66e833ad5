/** The two ways that a fetch can go, for tests that run on both. */
import { loadNativeReceiver } from "../../src/runtime/tftp/native-receiver.js";

export interface FetchEngine {
  readonly engine: "auto" | "plain";
  /** For `t.test`. */
  readonly skip: string | false;
}

export const fetchEngines: readonly FetchEngine[] = [
  { engine: "auto", skip: loadNativeReceiver() === undefined ? "the native receiver is not built here" : false },
  { engine: "plain", skip: false },
];
