// CodeMirror, with what the service says in it. It lives in a shadow root: there it may style itself under a strict policy.
import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, foldKeymap, indentUnit } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { effect } from "@preact/signals";
import { findings, fixes, format, judgedText, lang, notice, text } from "../store";
import { t } from "../words";
import { completing } from "./completing";
import { formatOf } from "./detecting";
import { hovering } from "./hovering";
import { languageOf } from "./languages";
import { linting, mark } from "./linting";
import { phrases } from "./phrases";
import { theme } from "./theme";

/** The editor that is shown; null before there is one. */
export let shown: EditorView | null = null;

export function openIn(host: HTMLElement): () => void {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const language = new Compartment();
  const words = new Compartment();
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text.peek(),
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        indentUnit.of("  "),
        EditorState.tabSize.of(2),
        leaving,
        linting(),
        completing(),
        hovering(),
        language.of(languageOf(format.peek())),
        words.of(spoken()),
        theme,
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, indentWithTab]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) text.value = update.state.doc.toString();
        }),
        EditorView.domEventHandlers({ paste: (_, view) => void setTimeout(() => recognize(view.state.doc.toString())) }),
      ],
    }),
  });
  shown = view;
  const stops = [
    effect(() => replaceBy(view, text.value)),
    effect(() => view.dispatch({ effects: language.reconfigure(languageOf(format.value)) })),
    effect(() => {
      void lang.value;
      view.dispatch({ effects: words.reconfigure(spoken()) });
    }),
    effect(() => {
      void [findings.value, fixes.value, judgedText.value];
      mark(view);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    view.destroy();
    shown = null;
  };
}

/** After Escape, whatever else it does, the tab key moves on from the editor for two seconds, instead of indenting. */
const leaving = Prec.highest(
  keymap.of([
    {
      key: "Escape",
      run: (view) => {
        view.setTabFocusMode(2000);
        return false;
      },
    },
  ]),
);

/** Take the format that a text looks like, and say so. */
export function recognize(pasted: string): void {
  const found = formatOf(pasted);
  if (found === null || found === format.peek()) return;
  format.value = found;
  notice.value = "recognized";
}

export function goTo(offset: { from: number; to: number }): void {
  if (shown === null) return;
  shown.focus();
  shown.dispatch({
    selection: { anchor: offset.from, head: offset.to },
    effects: EditorView.scrollIntoView(offset.from, { y: "center" }),
  });
}

/** Change the document to a text that came from elsewhere: only where it differs, so that cursor and history stay. */
function replaceBy(view: EditorView, wanted: string): void {
  const now = view.state.doc.toString();
  if (now === wanted) return;
  const shortest = Math.min(now.length, wanted.length);
  let start = 0;
  while (start < shortest && now[start] === wanted[start]) start++;
  let end = 0;
  while (end < shortest - start && now[now.length - 1 - end] === wanted[wanted.length - 1 - end]) end++;
  view.dispatch({ changes: { from: start, to: now.length - end, insert: wanted.slice(start, wanted.length - end) } });
}

function spoken() {
  return [
    EditorState.phrases.of(phrases()),
    placeholder(t("placeholder")),
    EditorView.contentAttributes.of({ "aria-label": t("document"), tabindex: "0", "aria-description": t("keys"), spellcheck: "false", autocorrect: "off", autocapitalize: "off" }),
  ];
}
