import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

export interface Tab {
  readonly id: string;
  readonly title: string;
  readonly link: string;
}

/** Tabs, each with its own address; arrow keys move between them (WAI-ARIA tabs pattern). */
export function Tabs(props: { label: string; tabs: readonly Tab[]; current: string; children: ComponentChildren }) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const index = props.tabs.findIndex(({ id }) => id === props.current);
    const next = (index + step + props.tabs.length) % props.tabs.length;
    location.hash = props.tabs[next]?.link ?? "";
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
    event.preventDefault();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
        {props.tabs.map(({ id, title, link }) => (
          <a
            key={id}
            id={`tab-${id}`}
            href={link}
            role="tab"
            aria-selected={id === props.current}
            aria-controls="tab-panel"
            tabIndex={id === props.current ? 0 : -1}
          >
            {title}
          </a>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${props.current}`}>
        {props.children}
      </div>
    </>
  );
}
