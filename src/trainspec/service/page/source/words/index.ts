// The words of the page in both languages. What the service says about settings comes from it in the language asked for.
import { lang } from "../store/language";
import { converting } from "./converting";
import { differences } from "./differences";
import { editor } from "./editor";
import { plan } from "./plan";
import { service } from "./service";
import { settings } from "./settings";
import { views } from "./views";

const en = { ...editor.en, ...views.en, ...settings.en, ...plan.en, ...differences.en, ...service.en, ...converting.en };
const zh: Record<Word, string> = { ...editor.zh, ...views.zh, ...settings.zh, ...plan.zh, ...differences.zh, ...service.zh, ...converting.zh };

export type Word = keyof typeof en;

/** A text in the language of the page; `{name}` in it stands for what `given` holds under that name. */
export function t(word: Word, given: Record<string, string | number> = {}): string {
  const found = (lang.value === "zh" ? zh : en)[word];
  return found.replace(/\{(\w+)\}/g, (whole, name: string) => String(given[name] ?? whole));
}
