import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Failure, Result } from "../../../base/failure.js";
import { FailureNote } from "./note.js";

/** The browser's own modal dialog: it traps focus, closes on Escape and restores focus. */
export function Dialog(props: { title: string; onClose: () => void; wide?: boolean; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} class={props.wide ? "wide" : ""} aria-labelledby={titleId} onClose={props.onClose}>
      <h2 id={titleId}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

export interface Confirmation {
  readonly title: string;
  /** What will happen, and what will not. */
  readonly children: ComponentChildren;
  /** The act as a verb: `Reset 3 APs`. */
  readonly action: string;
  readonly dangerous?: boolean;
  readonly wide?: boolean;
  readonly act: () => Promise<Result<unknown>>;
  /** What the dialog offers when `act` is refused with this code. */
  readonly override?: { readonly code: string; readonly action: string; readonly act: () => Promise<Result<unknown>> };
}

/** Asks before an act, and stays open with the reason if the act is refused. */
export function ConfirmDialog({ confirmation, onClose }: { confirmation: Confirmation; onClose: () => void }) {
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const override = confirmation.override?.code === refusal?.code ? confirmation.override : undefined;
  const act = async (): Promise<void> => {
    setBusy(true);
    const result = await (override ?? confirmation).act();
    setBusy(false);
    if (result.ok) onClose();
    else setRefusal(result.failure);
  };
  return (
    <Dialog title={confirmation.title} onClose={onClose} wide={confirmation.wide ?? false}>
      <div class="dialog-body">{confirmation.children}</div>
      <FailureNote failure={refusal} />
      <div class="dialog-actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class={confirmation.dangerous || override ? "danger" : "primary"} disabled={busy} onClick={act}>
          {busy ? "Working…" : (override ?? confirmation).action}
        </button>
      </div>
    </Dialog>
  );
}

/** The one open question of a page. */
export function useConfirm(): { ask: (confirmation: Confirmation) => void; dialog: ComponentChildren } {
  const [open, setOpen] = useState<Confirmation | null>(null);
  return { ask: setOpen, dialog: open === null ? null : <ConfirmDialog confirmation={open} onClose={() => setOpen(null)} /> };
}
