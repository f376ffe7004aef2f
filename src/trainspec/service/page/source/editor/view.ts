// CodeMirror, with what the service says in it. It lives in a shadow root: there it may style itself under a strict policy.
import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, invertedEffects, isolateHistory } from "@codemirror/commands";
import { bracketMatching, foldKeymap, indentUnit } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { batch, effect } from "@preact/signals";
import { findings, fixes, format, judgedText, lang, notice, text, type Format } from "../store";
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

/** The format belongs to the text: whoever undoes its change gets both back. */
const setFormat = StateEffect.define<Format>();
const formatField = StateField.define<Format>({
  create: () => format.peek(),
  update: (now, change) => change.effects.reduce((last, one) => (one.is(setFormat) ? one.value : last), now),
});
const formatUndone = invertedEffects.of((change) =>
  change.effects.some((one) => one.is(setFormat)) ? [setFormat.of(change.startState.field(formatField))] : [],
);
/** What is pasted brings its format, by what the text then looks like. */
const recognized = EditorState.transactionExtender.of((change) => {
  if (!change.docChanged || !change.isUserEvent("input.paste")) return null;
  const found = formatOf(change.newDoc.toString());
  if (found === null || found === change.startState.field(formatField)) return null;
  return { effects: setFormat.of(found) };
});

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
        formatField,
        formatUndone,
        recognized,
        drawSelection(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        highlightSpecialChars(),
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
          const now = update.state.field(formatField);
          if (update.docChanged || now !== format.peek()) {
            if (now !== format.peek()) notice.value = update.transactions.some((one) => one.isUserEvent("input.paste")) ? "recognized" : null;
            batch(() => ([text.value, format.value] = [update.state.doc.toString(), now]));
          }
        }),
      ],
    }),
  });
  shown = view;
  const stops = [
    effect(() => replaceBy(view, text.value, format.value)),
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

export function goTo(offset: { from: number; to: number }): void {
  if (shown === null) return;
  shown.focus();
  shown.dispatch({
    selection: { anchor: offset.from, head: offset.to },
    effects: EditorView.scrollIntoView(offset.from, { y: "center" }),
  });
}

/** Change the document to a text that came from elsewhere: only where it differs, so that cursor and history stay. */
function replaceBy(view: EditorView, wanted: string, as: Format): void {
  const now = view.state.doc.toString();
  const other = as !== view.state.field(formatField);
  if (now === wanted && !other) return;
  const shortest = Math.min(now.length, wanted.length);
  let start = 0;
  while (start < shortest && now[start] === wanted[start]) start++;
  let end = 0;
  while (end < shortest - start && now[now.length - 1 - end] === wanted[wanted.length - 1 - end]) end++;
  view.dispatch({
    changes: { from: start, to: now.length - end, insert: wanted.slice(start, wanted.length - end) },
    // One step back undoes this alone.
    annotations: isolateHistory.of("full"),
    effects: other ? [setFormat.of(as)] : [],
  });
}

function spoken() {
  return [
    EditorState.phrases.of(phrases()),
    placeholder(t("placeholder")),
    EditorView.contentAttributes.of({ "aria-label": t("document"), tabindex: "0", "aria-description": t("keys"), spellcheck: "false", autocorrect: "off", autocapitalize: "off" }),
  ];
}
