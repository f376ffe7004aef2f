// What /diff answers: the document beside the defaults, or beside another one.
import { effect, signal } from "@preact/signals";
import { isRefusal, locked, post, type Diagnostic } from "../api";
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

const REST = 200;

/** Keep asking while the view is open; returns what ends it. */
export function follow(): () => void {
  let running: AbortController | undefined;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const end = effect(() => {
    void [answer.value, refused.value];
    const here = { text: text.peek(), format: format.peek() };
    const there = { text: other.value, format: otherFormat.value };
    const [language, kind] = [lang.value === "en" ? null : lang.value, against.value];
    clearTimeout(waiting);
    running?.abort();
    if (locked.value) return;
    if (kind === "other" && there.text.trim() === "") {
      compared.value = null;
      return;
    }
    waiting = setTimeout(() => {
      running = new AbortController();
      const asked =
        kind === "defaults"
          ? { body: here.text, about: { input: here.format, to: "defaults", lang: language } }
          : pair(here, there, language);
      void ask(asked.about, asked.body, kind, running.signal);
    }, REST);
  });
  return () => {
    end();
    clearTimeout(waiting);
    running?.abort();
  };
}

// Both documents in one body: the first is so many bytes of it.
function pair(here: { text: string; format: Format }, there: { text: string; format: Format }, language: string | null) {
  const first = new TextEncoder().encode(there.text).length;
  return {
    body: there.text + here.text,
    about: { input: there.format, other_input: here.format, first, lang: language },
  };
}

async function ask(about: Record<string, string | number | null>, body: string, kind: With, cancel: AbortSignal): Promise<void> {
  try {
    const found = await post<Comparison>("diff", about, body, cancel);
    if (cancel.aborted || kind !== against.peek()) return;
    compared.value = isRefusal(found) ? { same: null, differences: null, diagnostics: found.diagnostics } : found;
  } catch (error) {
    if (!cancel.aborted) throw error;
  }
}

/** The format of a file by its name; YAML, of which JSON is a part, for any other. */
export function formatOf(name: string): Format {
  if (/\.toml$/i.test(name)) return "toml";
  if (/\.json$/i.test(name)) return "json";
  return /(^|\.)env(\.|$)/i.test(name) ? "env" : "yaml";
}
