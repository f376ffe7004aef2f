// What stands under the pointer, explained; and what stands at the cursor, for who has none.
import { signal } from "@preact/signals";
import type { Extension } from "@codemirror/state";
import { EditorView, hoverTooltip } from "@codemirror/view";
import { t } from "../words";
import { ask, type At } from "./asking";
import { spanOf } from "./positions";

/** The setting at the cursor. */
export const atCursor = signal<At | null>(null);

export function hovering(): Extension {
  return [pointed, watched];
}

const pointed = hoverTooltip(
  async (view, position) => {
    const text = view.state.doc;
    const found = await ask(text, position, new AbortController().signal);
    const at = found?.at ?? null;
    if (at === null || view.state.doc !== text) return null;
    const { from, to } = spanOf(text, at.range);
    if (position < from || position > to) return null;
    return { pos: from, end: to, above: true, create: () => ({ dom: shown(at) }) };
  },
  { hoverTime: 250 },
);

const WAIT = 200;
let waiting: ReturnType<typeof setTimeout> | undefined;
let running = new AbortController();

const watched = EditorView.updateListener.of((update) => {
  if (!update.docChanged && !update.selectionSet && !update.focusChanged) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const { doc, selection } = update.view.state;
    void ask(doc, selection.main.head, signal).then((found) => {
      if (!signal.aborted) atCursor.value = found?.at ?? null;
    });
  }, WAIT);
});

function shown(at: At): HTMLElement {
  const box = element("div", "explained");
  const head = element("p", "head");
  head.append(element("strong", "", at.title || at.name), " ", element("code", "", at.path.join(".")));
  box.append(head, element("p", "", at.description));
  const facts = element("dl", "");
  for (const [term, value] of [
    [t("type"), at.type],
    [t("default"), at.default],
  ] as const) {
    if (value) facts.append(element("dt", "", term), element("dd", "", value));
  }
  box.append(facts);
  return box;
}

function element(name: string, style: string, text = ""): HTMLElement {
  const made = document.createElement(name);
  if (style) made.className = style;
  made.textContent = text;
  return made;
}
