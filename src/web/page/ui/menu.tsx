import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

/** Rarely used acts behind one button; closes after a choice, on Escape, and when focus leaves it. */
export function Menu({ title, children }: { title: string; children: ComponentChildren }) {
  const element = useRef<HTMLDetailsElement>(null);
  const close = (): void => {
    if (element.current !== null) element.current.open = false;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    close();
    element.current?.querySelector("summary")?.focus();
  };
  const onFocusOut = (event: FocusEvent): void => {
    if (!element.current?.contains(event.relatedTarget as Node | null)) close();
  };
  return (
    <details class="menu" ref={element} onKeyDown={onKeyDown} onFocusOut={onFocusOut}>
      <summary>{title}</summary>
      {/* biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: it only handles clicks of the buttons in it */}
      <div class="menu-items" onClick={close}>
        {children}
      </div>
    </details>
  );
}
