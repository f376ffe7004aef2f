// One setting: what it is, its control, what the document says of it, what is wrong with it and what follows from it.
import { useState } from "preact/hooks";
import type { Field } from "../service/api";
import { setValue } from "../store";
import { t } from "../words";
import { ControlOf, unquoted } from "./control";
import { Named } from "./named";
import { controlOf, type Control } from "./schema";
import { stateOf, type State } from "./shown";
import { unitOf } from "./units";

interface Given {
  path: string;
  /** What /fields tells of it; a key of a mapping is known by the schema alone. */
  field?: Field;
}

export function Row({ path, field }: Given) {
  const control = controlOf(path);
  const state = stateOf(path).value;
  if (!control) return null;
  const id = `set-${path.replaceAll(".", "-")}`;
  const title = control.title || path;
  const worst = worstOf(state);
  const secret = /secret|机密/.test(field?.type ?? "");
  const mapping = control.kind === "keys";
  return (
    <div class={`row${state.said ? " said" : ""}${worst ? ` is-${worst}` : ""}${mapping ? " wide" : ""}`} id={`row-${path}`} data-setting={path}>
      <div class="row-what">
        <div class="row-name">
          <label for={mapping ? undefined : id}>{title}</label>
          <Named name={path.split(".").at(-1)!} />
        </div>
        <p class="row-about" id={`${id}-about`}>
          {field?.description || control.description}
        </p>
      </div>
      <div class="row-control">
        {secret ? (
          <p class="row-secret">{state.said ? t("settings_secret_said") : t("settings_secret", { variable: field?.variable ?? "" })}</p>
        ) : mapping ? null : (
          <div class="row-input">
            <ControlOf
              id={id}
              path={path}
              control={control}
              value={state.value}
              said={state.said}
              otherwise={state.follows?.shown ?? defaultOf(control)}
              label={title}
              describedBy={`${id}-about ${id}-facts`}
              wrong={worst === "error"}
            />
            <Unit path={path} control={control} />
          </div>
        )}
        <Facts id={`${id}-facts`} path={path} title={title} control={control} state={state} />
      </div>
      {mapping && <Keys path={path} control={control} state={state} />}
      <Findings state={state} />
    </div>
  );
}

function Unit({ path, control }: { path: string; control: Control }) {
  const unit = control.kind === "number" ? unitOf(path) : null;
  const parts = [unit && t(unit), control.bounds].filter(Boolean);
  return parts.length ? <span class="row-unit">{parts.join(", ")}</span> : null;
}

/** The default as it is shown: "" where there is none. */
function defaultOf(control: Control): string {
  const value = control.default;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

function Facts({ id, path, title, control, state }: { id: string; path: string; title: string; control: Control; state: State }) {
  const shown = defaultOf(control);
  return (
    <div class="row-facts" id={id}>
      {state.said ? (
        <>
          {state.line !== null && <span class="pill">{t("settings_line", { line: state.line })}</span>}
          {shown && <span>{t("settings_default", { value: unquoted(shown) })}</span>}
          <button type="button" class="plain" aria-label={t("settings_reset", { name: title })} onClick={() => setValue(path, undefined)}>
            {t("settings_reset_short")}
          </button>
        </>
      ) : state.follows ? (
        <span class="follows">
          {t("settings_follows_from", { value: unquoted(state.follows.shown), names: state.follows.from.join(", ") })}
        </span>
      ) : (
        <span>{unsaid(control, shown)}</span>
      )}
      {state.said && state.decides.length > 0 && (
        <span class="follows">
          {t("settings_decides")}{" "}
          {state.decides.map((one) => (
            <a key={one.name} href={`#row-${one.name}`} onClick={(event) => goTo(event, one.name)}>
              {one.name} = {unquoted(one.shown)}
            </a>
          ))}
        </span>
      )}
    </div>
  );
}

// A choice shows itself that nothing is said, and what holds then.
function unsaid(control: Control, shown: string): string {
  if (control.kind === "choice") return "";
  return shown && !["[]", "{}", '""'].includes(shown) ? t("settings_default", { value: unquoted(shown) }) : t("settings_unset");
}

// The page's fragment is a document's: nothing else may write it.
function goTo(event: Event, name: string): void {
  event.preventDefault();
  const row = document.getElementById(`row-${name}`);
  const group = row?.closest("details");
  if (group) group.open = true;
  row?.scrollIntoView({ block: "center" });
  row?.querySelector<HTMLElement>("input, select, textarea, button")?.focus({ preventScroll: true });
}

function Keys({ path, control, state }: { path: string; control: Control; state: State }) {
  const [open, setOpen] = useState(false);
  const said = typeof state.value === "object" && state.value !== null ? Object.keys(state.value).length : 0;
  return (
    <details class="subkeys" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {t("settings_keys", { count: control.keys.size })}
        {said > 0 && <span class="pill">{t("settings_keys_said", { count: said })}</span>}
        {typeof state.value === "string" && <code>{state.value}</code>}
      </summary>
      {open && [...control.keys.keys()].map((key) => <Row key={key} path={`${path}.${key}`} />)}
    </details>
  );
}

function Findings({ state }: { state: State }) {
  if (!state.findings.length) return null;
  return (
    <ul class="row-findings">
      {state.findings.map((one) => (
        <Finding key={one.code} finding={one} />
      ))}
    </ul>
  );
}

export function Finding({ finding }: { finding: State["findings"][number] }) {
  return (
    <li class={`told is-${finding.severity}`}>
      <span class="told-code">{finding.code}</span>
      <span>
        {finding.message}
        {finding.remedy && (
          <>
            {" — "}
            <b>{t("settings_fix")}</b> {finding.remedy}
          </>
        )}
      </span>
    </li>
  );
}

function worstOf(state: State): "error" | "warning" | "note" | null {
  const order = ["error", "warning", "note"] as const;
  return order.find((severity) => state.findings.some((one) => one.severity === severity)) ?? null;
}
