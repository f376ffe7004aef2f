// The document in every form, each to be copied; and to go on with.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { carriedOver, type Lost } from "../converting";
import { choose, saidIn, type Converted } from "../converting/proposal";
import { isRefusal, post, type Refusal } from "../service/api";
import { keepAsking } from "../service/asking";
import { copyText } from "../service/clipboard";
import { answer, format, lang, refused, text, type Format, type Shown } from "../store";
import { t } from "../words";
import { coloured } from "./coloured";

export const FORMS = ["env", "yaml", "toml", "json", "cli", "k8s"] as const;
export type Form = (typeof FORMS)[number];
const EDITABLE = new Set<string>(["env", "yaml", "toml", "json"]);

interface Made extends Converted {
  /** What is not in it; null for a form that the editor does not take. */
  lost: Lost | null;
}

type All = Partial<Record<Form, Made>>;
const made = signal<All>({});
const copied = signal<Form | null>(null);
const notCopied = signal(false);

export function Forms() {
  useEffect(() => keepAsking({ question, ask: convertAll, rest: 100, eager: true }), []);
  const all = Object.values(made.value);
  const refusals = all.length > 0 && all.every((one) => one.text === null);
  const secrets = [...new Set(all.flatMap((one) => one.secrets))];
  return (
    <div class="forms">
      <p role="status" class="hidden">
        {copied.value !== null && t("form_copied", { form: t(`form_${copied.value}`) })}
      </p>
      {notCopied.value && (
        <p role="alert" class="left-out">
          {t("not_copied")}
        </p>
      )}
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

function One({ form, made }: { form: Form; made: Made }) {
  const name = t(`form_${form}`);
  const { text: shown, lost } = made;
  return (
    <article class={`form ${form}`} aria-label={name}>
      <header>
        <h3>{name}</h3>
        {shown !== null && EDITABLE.has(form) && format.value !== form && (
          <button class="plain" aria-label={t("edit_form_of", { form: name })} onClick={() => void choose(form as Format)}>
            {t("edit_form")}
          </button>
        )}
        {shown !== null && (
          <button class="button small" aria-label={t(copied.value === form ? "form_copied" : "copy_form", { form: name })} onClick={() => void copy(form, shown)}>
            {copied.value === form ? t("copied") : t("copy")}
          </button>
        )}
      </header>
      {lost !== null && lost.comments > 0 && <p class="without">{t("form_without_comments", { count: lost.comments })}</p>}
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

interface Asked {
  body: string;
  input: Format;
  lang: string;
}

function question(): Asked {
  // What was judged is asked for, so that no text in the middle of a word is.
  void [answer.value, refused.value];
  return { body: text.peek(), input: format.peek(), lang: lang.value };
}

async function convertAll({ body, input, lang }: Asked, cancel: AbortSignal): Promise<void> {
  const [shown, ...answers] = await Promise.all([
    post<Shown>("show", { input, lang }, body, cancel),
    ...FORMS.map((to) => post<Converted>("convert", { input, lang, to }, body, cancel)),
  ]);
  if (cancel.aborted || [shown, ...answers].some((one) => isRefusal(one) && one.away)) return;
  const said = isRefusal(shown) ? {} : saidIn(shown);
  const pairs = answers.map((one, at) => [FORMS[at], laidOut(one, FORMS[at]!, { text: body, format: input, said })]);
  made.value = Object.fromEntries(pairs) as All;
}

/** What the service wrote, with the comments of the document; of a manifest the ConfigMap. */
function laidOut(found: Converted | Refusal, form: Form, source: Parameters<typeof carriedOver>[0]): Made {
  if (isRefusal(found)) return { text: null, secrets: [], diagnostics: found.diagnostics, lost: null };
  if (found.text === null) return { ...found, lost: null };
  if (!EDITABLE.has(form)) return { ...found, text: form === "k8s" ? configMap(found.text) : found.text, lost: null };
  return { ...found, ...carriedOver(source, found.text, form as Format, found.secrets) };
}

async function copy(form: Form, shown: string): Promise<void> {
  const done = await copyText(shown);
  notCopied.value = !done;
  if (!done) return;
  copied.value = form;
  setTimeout(() => copied.value === form && (copied.value = null), 2000);
}
