// The editor in the page's colours; whatever it brings as pictures is drawn with styles, so that no policy is loosened.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const look = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "0.875rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { caretColor: "var(--accent)", padding: "12px 0" },
  ".cm-line": { padding: "0 16px 0 8px" },
  ".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--muted)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "36px", padding: "0 8px 0 4px" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--tint) 40%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 28%, transparent)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--tint)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--tint)", outline: "1px solid var(--line)" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--tint)", border: "none", color: "var(--muted)", padding: "0 6px" },
});

const findings = EditorView.theme({
  ".cm-lintRange": { backgroundImage: "none", paddingBottom: "0", textUnderlineOffset: "3px", textDecorationSkipInk: "none" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--error) 1.5px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--warning) 1.5px" },
  ".cm-lintRange-info": { backgroundImage: "none", textDecoration: "underline dotted var(--note) 2px" },
  ".cm-lintRange-active": { backgroundColor: "var(--tint)" },
  ".cm-gutter-lint": { width: "16px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0", display: "flex", alignItems: "center", justifyContent: "center" },
  ".cm-lint-marker": { width: "8px", height: "8px", borderRadius: "50%" },
  ".cm-lint-marker-error": { content: "normal", backgroundColor: "var(--error)" },
  ".cm-lint-marker-warning": { content: "normal", backgroundColor: "var(--warning)", borderRadius: "2px" },
  ".cm-lint-marker-info": { content: "normal", backgroundColor: "var(--note)" },
  ".cm-lintPoint:after": { display: "none" },
});

const boxes = EditorView.theme({
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    border: "1px solid var(--line)",
    borderRadius: "8px",
    boxShadow: "var(--shadow)",
    color: "var(--text)",
    maxWidth: "min(480px, 92vw)",
  },
  // Below the underscores of the line.
  ".cm-tooltip.cm-tooltip-autocomplete": { marginTop: "4px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { borderRadius: "8px", fontFamily: "var(--mono)", fontSize: "0.8125rem", maxHeight: "17em", minWidth: "260px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "4px 12px", display: "flex", gap: "16px", alignItems: "baseline" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--tint)", color: "var(--text)" },
  ".cm-completionLabel": { whiteSpace: "nowrap" },
  ".cm-completionMatchedText": { color: "var(--accent)", textDecoration: "none", fontWeight: "600" },
  ".cm-completionDetail": {
    color: "var(--muted)",
    fontStyle: "normal",
    marginLeft: "auto",
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
    maxWidth: "240px",
  },
  ".cm-tooltip.cm-completionInfo": { fontFamily: "var(--sans)", fontSize: "0.8125rem", lineHeight: "1.5", padding: "10px 14px", width: "max-content", maxWidth: "320px" },
  // Beside the list there is no room, and over it nobody would see what is offered.
  "@media (max-width: 799px)": { ".cm-tooltip.cm-completionInfo": { display: "none" } },
  ".cm-tooltip .explained, .cm-tooltip .told": { fontFamily: "var(--sans)", fontSize: "0.84375rem", lineHeight: "1.5", padding: "10px 14px" },
  ".explained p, .told p": { margin: "0 0 4px" },
  ".explained code": { fontFamily: "var(--mono)", color: "var(--muted)" },
  ".explained dl": { display: "grid", gridTemplateColumns: "auto 1fr", gap: "2px 12px", margin: "6px 0 0" },
  ".explained dt": { color: "var(--muted)" },
  ".explained dd": { margin: "0", fontFamily: "var(--mono)", overflowWrap: "anywhere" },
  ".told .message": { fontWeight: "600" },
  ".told .reason, .told .remedy": { color: "var(--muted)" },
  ".cm-diagnostic": { padding: "0", border: "none", borderLeft: "3px solid var(--line)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--error)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warning)" },
  ".cm-diagnostic-info": { borderLeftColor: "var(--note)" },
  ".cm-diagnosticSource": { display: "none" },
  ".cm-diagnosticAction": {
    background: "var(--accent)",
    color: "var(--on-accent)",
    borderRadius: "6px",
    font: "500 0.8125rem/1.5 var(--sans)",
    padding: "3px 10px",
    margin: "0 0 10px 14px",
    cursor: "pointer",
  },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--text)", borderColor: "var(--line)" },
  ".cm-panel.cm-search": { padding: "8px 12px", fontFamily: "var(--sans)" },
  ".cm-textfield": { backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "6px", padding: "3px 8px" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "6px", padding: "3px 10px" },
  ".cm-searchMatch": { backgroundColor: "color-mix(in srgb, var(--warning) 30%, transparent)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.definition(tags.variableName)], color: "var(--syntax-key)" },
  { tag: [tags.string, tags.special(tags.string), tags.quote], color: "var(--syntax-text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom, tags.keyword], color: "var(--syntax-value)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.brace, tags.squareBracket], color: "var(--muted)" },
  { tag: [tags.heading, tags.labelName, tags.typeName, tags.meta], color: "var(--accent)" },
]);

export const theme: Extension = [look, findings, boxes, syntaxHighlighting(colours)];
