import type { ComponentChildren } from "preact";
import type { Failure } from "../../../base/failure.js";

type Tone = "info" | "good" | "warning" | "bad";
const marks: Readonly<Record<Tone, string>> = { info: "i", good: "✓", warning: "!", bad: "×" };

export function Note({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <div class={`note ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <span class="note-mark" aria-hidden="true">
        {marks[tone]}
      </span>
      <div>{children}</div>
    </div>
  );
}

/** A refusal with the controller's message and its stable code, for a search or a support case. */
export function FailureNote({ failure }: { failure: Failure | null }) {
  if (failure === null) return null;
  return (
    <Note tone="bad">
      {failure.message} <code class="failure-code">{failure.code}</code>
    </Note>
  );
}
