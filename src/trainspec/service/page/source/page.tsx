// The page's frame: what is always there, and which views are shown.
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { giveToken, locked, token } from "./service/api";
import { Differences } from "./differences";
import { Editor } from "./editor";
import { Forms } from "./forms";
import { Plan } from "./plan";
import { Settings } from "./settings";
import { lang, theme, type Lang, type Theme } from "./store";
import { t } from "./words";

const VIEWS = { settings: Settings, plan: Plan, forms: Forms, differences: Differences };
type View = keyof typeof VIEWS;
const NAMES = Object.keys(VIEWS) as View[];
const THEMES: Theme[] = ["system", "light", "dark"];
const view = signal<View>("settings");

export function Page() {
  return (
    <>
      <a class="skip" href="#document">
        {t("skip")}
      </a>
      <header class="top">
        <Mark />
        <h1>trainspec</h1>
        <p>{t("tagline")}</p>
        <Looks />
      </header>
      {locked.value ? <Locked /> : <Views />}
      <footer>
        <a href="assets/licenses.txt">{t("licenses")}</a>
        <a href="rules">{t("all_rules")}</a>
        <a href="schema/v1/training-arguments.json">{t("schema")}</a>
      </footer>
    </>
  );
}

function Views() {
  const Shown: ComponentType = VIEWS[view.value];
  return (
    <main>
      <section id="document" class="left" tabIndex={-1} aria-label={t("view_document")}>
        <Editor />
      </section>
      <section class="right" aria-label={t("views")}>
        <Tabs />
        <div id="panel" class="panel" role="tabpanel" aria-labelledby={`tab-${view.value}`} tabIndex={0}>
          <Shown />
        </div>
      </section>
    </main>
  );
}

function Tabs() {
  const move = (event: KeyboardEvent) => {
    const at = NAMES.indexOf(view.value);
    const places: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
    const place = places[event.key];
    if (place === undefined) return;
    event.preventDefault();
    const next = NAMES.at(place % NAMES.length)!;
    view.value = next;
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={t("views")} onKeyDown={move}>
      {NAMES.map((name) => (
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
  return (
    <div class="looks">
      <select id="lang" aria-label={t("language")} value={lang.value} onChange={(event) => (lang.value = event.currentTarget.value as Lang)}>
        <option value="en" lang="en">
          English
        </option>
        <option value="zh" lang="zh-Hans">
          简体中文
        </option>
      </select>
      <select id="theme" aria-label={t("theme")} value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
        {THEMES.map((one) => (
          <option key={one} value={one}>
            {t(`theme_${one}`)}
          </option>
        ))}
      </select>
    </div>
  );
}

/** The service answers only who has its token. */
function Locked() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const give = (event: Event) => {
    event.preventDefault();
    giveToken(field.current!.value);
  };
  return (
    <main class="locked">
      <form onSubmit={give}>
        <h2>{t("token_title")}</h2>
        <p>{t("token_why")}</p>
        <label>
          {t("token")}
          <input ref={field} id="token" type="password" autocomplete="off" required />
        </label>
        {token.value !== null && (
          <p role="alert" class="wrong">
            {t("token_wrong")}
          </p>
        )}
        <button class="button main">{t("token_give")}</button>
      </form>
    </main>
  );
}

function Mark() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path d="M6 24C11 24 10 9 15 9s5 11 11 13" fill="none" stroke="var(--on-accent)" stroke-width="3" stroke-linecap="round" />
    </svg>
  );
}
