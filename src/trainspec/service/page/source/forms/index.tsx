// The document in every form, each to be copied; and to go on with.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isRefusal, post, type Diagnostic } from "../api";
import { answer, format, goOnWith, lang, text, type Format } from "../store";
import { t } from "../words";
import { coloured } from "./coloured";

interface Converted {
  text: string | null;
  secrets: string[];
  diagnostics: Diagnostic[];
}

export const FORMS = ["env", "yaml", "toml", "json", "cli", "k8s"] as const;
export type Form = (typeof FORMS)[number];
const EDITABLE = new Set<string>(["env", "yaml", "toml", "json"]);

type Made = Partial<Record<Form, Converted>>;
const made = signal<Made>({});
const copied = signal<Form | null>(null);

export function Forms() {
  // What was judged is asked for, so that no text in the middle of a word is.
  const judged = answer.value;
  useEffect(() => {
    const cancel = new AbortController();
    void convertAll(cancel.signal);
    return () => cancel.abort();
  }, [judged, lang.value]);
  const all = Object.values(made.value);
  const refusals = all.length > 0 && all.every((one) => one.text === null);
  const secrets = [...new Set(all.flatMap((one) => one.secrets))];
  return (
    <div class="forms">
      <p role="status" class="hidden">
        {copied.value !== null && t("form_copied", { form: t(`form_${copied.value}`) })}
      </p>
      <p class="intro">{refusals ? t("forms_nothing") : t("forms_intro")}</p>
      {secrets.length > 0 && <p class="left-out">{t("forms_secrets", { names: secrets.join(", ") })}</p>}
      {!refusals && (
        <div class="grid">
          {FORMS.map((form) => {
            const one = made.value[form];
            return one && <One key={form} form={form} made={one} />;
          })}
        </div>
      )}
    </div>
  );
}

function One({ form, made }: { form: Form; made: Converted }) {
  const name = t(`form_${form}`);
  const shown = made.text === null ? null : form === "k8s" ? configMap(made.text) : made.text;
  return (
    <article class={`form ${form}`} aria-label={name}>
      <header>
        <h3>{name}</h3>
        {shown !== null && EDITABLE.has(form) && format.value !== form && (
          <button class="plain" aria-label={t("edit_form_of", { form: name })} onClick={() => goOnWith(form as Format, shown)}>
            {t("edit_form")}
          </button>
        )}
        {shown !== null && (
          <button class="button small" aria-label={t(copied.value === form ? "form_copied" : "copy_form", { form: name })} onClick={() => void copy(form, shown)}>
            {copied.value === form ? t("copied") : t("copy")}
          </button>
        )}
      </header>
      {shown !== null && (
        <pre tabIndex={0} aria-label={name}>
          {shown.trim() === "" ? <span class="empty">{t("forms_empty")}</span> : coloured(shown, form)}
        </pre>
      )}
      {shown === null && <p class="refused">{made.diagnostics.map((one) => one.message).join(" ")}</p>}
    </article>
  );
}

/** The ConfigMap of a manifest, which holds a claim and a job, too. */
export function configMap(manifest: string): string {
  const parts = manifest.split(/^---\n/m);
  const found = parts.find((part) => /^kind: ConfigMap$/m.test(part)) ?? "";
  return found.replace(/^(?:#.*\n)+/, "");
}

async function convertAll(cancel: AbortSignal): Promise<void> {
  const [body, asked] = [text.peek(), { input: format.peek(), lang: lang.peek() }];
  try {
    const answers = await Promise.all(FORMS.map((to) => post<Converted>("convert", { ...asked, to }, body, cancel)));
    if (cancel.aborted) return;
    const pairs = answers.map((one, at) => [FORMS[at], isRefusal(one) ? { text: null, secrets: [], diagnostics: one.diagnostics } : one]);
    made.value = Object.fromEntries(pairs) as Made;
  } catch (error) {
    if (!cancel.aborted) throw error;
  }
}

async function copy(form: Form, shown: string): Promise<void> {
  await navigator.clipboard.writeText(shown);
  copied.value = form;
  setTimeout(() => copied.value === form && (copied.value = null), 2000);
}
