// Findings under the text that they are about, and the edits that mend them.
import { lintGutter, nextDiagnostic, previousDiagnostic, setDiagnostics, type Action, type Diagnostic as Mark } from "@codemirror/lint";
import type { Extension, Text } from "@codemirror/state";
import { EditorView, keymap, type Command } from "@codemirror/view";
import type { Diagnostic, Fix } from "../service/api";
import { findings, fixes, judgedText } from "../store";
import { t } from "../words";
import { spanAt, spanOf } from "./positions";

const SEVERITY = { error: "error", warning: "warning", note: "info" } as const;
const MOST = 500;

/** Where in the text a finding is: everything that it is about, where that is said. */
export function places(text: Text, found: Diagnostic): { from: number; to: number }[] {
  const spans = found.evidence.flatMap(({ source }) =>
    source === null || source.line === null ? [] : [spanAt(text, source.line, source.column)],
  );
  return spans.filter((one, at) => spans.findIndex((other) => other.from === one.from) === at);
}

/** The fixes of the finding at a place of the list. */
export function fixesOf(index: number): Fix[] {
  return fixes.value.filter((one) => one.diagnostic === index);
}

/** Show what the service has found in this text, if it is about this text. */
export function mark(view: EditorView): void {
  const [found, edits] = [findings.value, fixes.value];
  const { doc } = view.state;
  if (judgedText.value === null || doc.length !== judgedText.value.length || doc.toString() !== judgedText.value) return;
  const marks: Mark[] = found.slice(0, MOST).flatMap((one, index) => {
    const actions = edits.filter((edit) => edit.diagnostic === index).map(action);
    return places(doc, one).map(({ from, to }) => ({
      from,
      to,
      severity: SEVERITY[one.severity],
      source: one.code,
      message: one.message,
      renderMessage: () => told(one),
      actions,
    }));
  });
  view.dispatch(setDiagnostics(view.state, marks));
}

export function apply(view: EditorView, fix: Fix): void {
  if (view.state.doc.toString() !== judgedText.peek()) return;
  const { doc } = view.state;
  const changes = fix.edits.map((one) => ({ ...spanOf(doc, one.range), insert: one.text }));
  view.dispatch({ changes, userEvent: "input.fix", scrollIntoView: true });
}

function action(fix: Fix): Action {
  return { name: fix.title, apply: (view) => apply(view, fix) };
}

function told(found: Diagnostic): Node {
  const box = document.createElement("div");
  box.className = "told";
  const line = (style: string, text: string) => {
    const made = document.createElement("p");
    made.className = style;
    made.textContent = text;
    box.append(made);
  };
  line("message", `${found.code} ${found.message}`);
  if (found.reason) line("reason", `${t("why")} ${found.reason}`);
  if (found.remedy) line("remedy", `${t("help")} ${found.remedy}`);
  return box;
}

/** Apply the one fix of the line that the cursor is in; where there are several, go to them in the list. */
const fixHere: Command = (view) => {
  const { doc, selection } = view.state;
  const here = doc.lineAt(selection.main.head).number;
  const touched = (found: Diagnostic) => places(doc, found).some((one) => doc.lineAt(one.from).number === here);
  const all = findings.peek().flatMap((found, index) => (touched(found) ? fixesOf(index) : []));
  if (all.length === 1) apply(view, all[0]!);
  else if (all.length > 1) document.querySelector<HTMLElement>(`[data-fix="${all[0]!.diagnostic}"]`)?.focus();
  return all.length > 0;
};

export function linting(): Extension {
  return [
    lintGutter(),
    keymap.of([
      { key: "F8", run: nextDiagnostic },
      { key: "Shift-F8", run: previousDiagnostic },
      { key: "Mod-.", run: fixHere, preventDefault: true },
    ]),
  ];
}
