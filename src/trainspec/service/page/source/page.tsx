// The page's frame: what is always there, and which views are shown.
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { Differences } from "./differences";
import { Editor } from "./editor";
import { Forms } from "./forms";
import { Plan } from "./plan";
import { Settings } from "./settings";
import { lang, theme, type Lang, type Theme } from "./store";
import { t, type Word } from "./words";

type View = "settings" | "plan" | "forms" | "differences";
const VIEWS: Record<View, ComponentType> = { settings: Settings, plan: Plan, forms: Forms, differences: Differences };
const view = signal<View>("settings");

export function Page() {
  const Shown = VIEWS[view.value];
  return (
    <>
      <a class="skip" href="#document">
        {t("skip")}
      </a>
      <header class="top">
        <h1>trainspec</h1>
        <p>{t("tagline")}</p>
        <Looks />
      </header>
      <main>
        <section id="document" class="left" tabIndex={-1} aria-label={t("view_document")}>
          <Editor />
        </section>
        <section class="right">
          <Tabs />
          <div id="panel" class="panel" role="tabpanel" aria-labelledby={`tab-${view.value}`} tabIndex={0}>
            <Shown />
          </div>
        </section>
      </main>
    </>
  );
}

function Tabs() {
  const names = Object.keys(VIEWS) as View[];
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = names[(names.indexOf(view.value) + step + names.length) % names.length]!;
    view.value = next;
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={t("views")} onKeyDown={move}>
      {names.map((name) => (
        <button
          key={name}
          id={`tab-${name}`}
          role="tab"
          aria-selected={view.value === name}
          aria-controls="panel"
          tabIndex={view.value === name ? 0 : -1}
          onClick={() => (view.value = name)}
        >
          {t(`view_${name}`)}
        </button>
      ))}
    </div>
  );
}

function Looks() {
  const themes: Theme[] = ["system", "light", "dark"];
  return (
    <div class="looks">
      <select aria-label={t("language")} value={lang.value} onChange={(event) => (lang.value = event.currentTarget.value as Lang)}>
        <option value="en" lang="en">
          English
        </option>
        <option value="zh" lang="zh-Hans">
          简体中文
        </option>
      </select>
      <select aria-label={t("theme")} value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
        {themes.map((one) => (
          <option key={one} value={one}>
            {t(`theme_${one}` satisfies Word)}
          </option>
        ))}
      </select>
    </div>
  );
}
