// The language of the page: what it was asked for, what was chosen here before, or what the browser speaks.
import { signal } from "@preact/signals";
import { kept } from "./remembered";

export type Lang = "en" | "zh";

export const lang = signal<Lang>(firstLang());

function firstLang(): Lang {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "en" || asked === "zh") return asked;
  return kept("lang", ["en", "zh"]) ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
}
