// What /diff answers: the document beside the defaults, or beside another one.
import { signal } from "@preact/signals";
import { isRefusal, post, type Diagnostic } from "../service/api";
import { keepAsking } from "../service/asking";
import { answer, format, lang, refused, text, type Format, type Source } from "../store";

export interface Entry {
  value: string;
  source: Source;
}

export interface Difference {
  setting: string;
  a: Entry;
  b: Entry;
}

export interface Comparison {
  same: boolean | null;
  differences: Difference[] | null;
  diagnostics: Diagnostic[];
}

export type With = "defaults" | "other";

/** Kept while another view is looked at. */
export const against = signal<With>("defaults");
export const other = signal("");
export const otherName = signal("");
export const otherFormat = signal<Format>("yaml");
/** Null while there is nothing to compare with. */
export const compared = signal<Comparison | null>(null);

type About = Record<string, string | number | null>;

/** Keep asking while the view is open; returns what ends it. */
export function follow(): () => void {
  return keepAsking({ question, ask, rest: 200 });
}

function question(): { about: About; body: string; kind: With } | null {
  void [answer.value, refused.value];
  const here = { text: text.peek(), format: format.peek() };
  const there = { text: other.value, format: otherFormat.value };
  const [language, kind] = [lang.value === "en" ? null : lang.value, against.value];
  if (kind === "defaults") return { kind, body: here.text, about: { input: here.format, to: "defaults", lang: language } };
  if (there.text.trim() !== "") return { kind, ...pair(here, there, language) };
  compared.value = null;
  return null;
}

// Both documents in one body: the first is so many bytes of it.
function pair(here: { text: string; format: Format }, there: { text: string; format: Format }, language: string | null) {
  const first = new TextEncoder().encode(there.text).length;
  return {
    body: there.text + here.text,
    about: { input: there.format, other_input: here.format, first, lang: language },
  };
}

async function ask({ about, body, kind }: { about: About; body: string; kind: With }, cancel: AbortSignal): Promise<void> {
  const found = await post<Comparison>("diff", about, body, cancel);
  if (cancel.aborted || kind !== against.peek()) return;
  if (!isRefusal(found)) compared.value = found;
  else if (!found.away) compared.value = { same: null, differences: null, diagnostics: found.diagnostics };
}

/** The format of a file by its name; YAML, of which JSON is a part, for any other. */
export function formatOf(name: string): Format {
  if (/\.toml$/i.test(name)) return "toml";
  if (/\.json$/i.test(name)) return "json";
  return /(^|\.)env(\.|$)/i.test(name) ? "env" : "yaml";
}
