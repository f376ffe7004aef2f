// A text in the colours of its format, as spans: the same parsers as the editor's, without an editor.
import { jsonLanguage } from "@codemirror/lang-json";
import { yamlLanguage } from "@codemirror/lang-yaml";
import { StreamLanguage, type Language } from "@codemirror/language";
import { properties } from "@codemirror/legacy-modes/mode/properties";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { highlightCode, tagHighlighter, tags } from "@lezer/highlight";
import type { VNode } from "preact";
import type { Form } from ".";

const CLASSES = tagHighlighter([
  { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.definition(tags.variableName)], class: "syn-key" },
  { tag: [tags.string, tags.quote], class: "syn-text" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom, tags.keyword], class: "syn-value" },
  { tag: tags.comment, class: "syn-comment" },
]);
const LANGUAGES: Partial<Record<Form, () => Language>> = {
  yaml: () => yamlLanguage,
  k8s: () => yamlLanguage,
  json: () => jsonLanguage,
  toml: () => StreamLanguage.define(toml),
  env: () => StreamLanguage.define(properties),
};
const made: Partial<Record<Form, Language>> = {};

export function coloured(text: string, form: Form): (VNode | string)[] {
  const make = LANGUAGES[form];
  if (make === undefined) return flags(text);
  const language = (made[form] ??= make());
  const parts: (VNode | string)[] = [];
  highlightCode(
    text,
    language.parser.parse(text),
    CLASSES,
    (piece, style) => parts.push(style ? <span class={style}>{piece}</span> : piece),
    () => parts.push("\n"),
  );
  return parts;
}

/** Flags that stay whole where the line breaks. */
function flags(text: string): (VNode | string)[] {
  return text.split(/ (?=--|'--)/).flatMap((flag, at) => [at > 0 ? " " : "", <span class="flag">{flag}</span>]);
}
