// All settings as a form: by group, with a search, each beside what the document says of it.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Field } from "../api";
import { fields, lang } from "../store";
import { t, type Word } from "../words";
import { Finding, Row } from "./row";
import { controlOf, learnSchema } from "./schema";
import { count, elsewhere, stateOf } from "./shown";

type Filter = "all" | "said" | "wrong" | "follows";
const FILTERS: Filter[] = ["all", "said", "wrong", "follows"];

export function Settings() {
  const search = useSignal("");
  const filter = useSignal<Filter>("all");
  useEffect(() => void learnSchema(), [lang.value]);
  if (!fields.value.length || !controlOf(fields.value[0]!.name)) return <p class="quiet">{t("settings_waiting")}</p>;
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (field: Field) => words.every((word) => searched(field).includes(word)) && passes(field, filter.value);
  const groups = grouped(fields.value.filter(fits));
  const narrowed = words.length > 0 || filter.value !== "all";
  const shown = groups.reduce((sum, [, members]) => sum + members.length, 0);
  return (
    <div class="settings">
      <div class="settings-bar" role="search">
        <input
          type="search"
          aria-label={t("settings_search")}
          placeholder={t("settings_search_short")}
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
        <div class="segments" role="group" aria-label={t("settings_show")}>
          {FILTERS.map((one) => (
            <button key={one} type="button" aria-pressed={filter.value === one} onClick={() => (filter.value = one)}>
              {t(`settings_${one}` satisfies Word)}
              {one === "said" && count.value > 0 && <span class="tally">{count.value}</span>}
            </button>
          ))}
        </div>
      </div>
      <p class="hidden" role="status">
        {narrowed ? t("settings_found", { count: shown, all: fields.value.length }) : ""}
      </p>
      {elsewhere.value.length > 0 && (
        <section class="settings-elsewhere" aria-label={t("settings_elsewhere")}>
          <h2>{t("settings_elsewhere")}</h2>
          <ul class="row-findings">
            {elsewhere.value.slice(0, 20).map((one, index) => (
              <Finding key={index} finding={one} />
            ))}
          </ul>
        </section>
      )}
      {groups.map(([heading, members], index) => (
        <Group key={heading} heading={heading} members={members} narrowed={narrowed} first={index === 0} />
      ))}
      {shown === 0 && (
        <div class="quiet">
          <p>{t("settings_none")}</p>
          <p>{t("settings_none_help")}</p>
        </div>
      )}
    </div>
  );
}

function Group({ heading, members, narrowed, first }: { heading: string; members: Field[]; narrowed: boolean; first: boolean }) {
  const said = members.filter((field) => stateOf(field.name).value.said).length;
  const wrong = members.some((field) => stateOf(field.name).value.findings.length);
  // Null: nobody has opened or closed it; then it is open where there is something to see.
  const chosen = useSignal<boolean | null>(null);
  const open = narrowed || (chosen.value ?? (first || said > 0 || wrong));
  return (
    <details
      class="group"
      open={open}
      onToggle={(event) => {
        if (event.currentTarget.open !== open) chosen.value = event.currentTarget.open;
      }}
    >
      <summary>
        <h2>{heading}</h2>
        <span class="group-count">{members.length === 1 ? t("settings_in_group_one") : t("settings_in_group", { count: members.length })}</span>
        {said > 0 && <span class="pill">{t("settings_said_in_group", { count: said })}</span>}
        {wrong && <span class="pill is-error">{t("settings_wrong")}</span>}
      </summary>
      {open && members.map((field) => <Row key={field.name} path={field.name} field={field} />)}
    </details>
  );
}

function searched(field: Field): string {
  const control = controlOf(field.name);
  const keys = control ? [...control.keys.keys()].join(" ") : "";
  return `${field.name} ${control?.title ?? ""} ${field.description} ${field.group} ${keys}`.toLowerCase();
}

function passes(field: Field, filter: Filter): boolean {
  if (filter === "all") return true;
  const state = stateOf(field.name).value;
  if (filter === "said") return state.said;
  return filter === "wrong" ? state.findings.length > 0 : state.follows !== null;
}

function grouped(all: Field[]): [string, Field[]][] {
  const groups = new Map<string, Field[]>();
  for (const field of all) groups.set(field.group, [...(groups.get(field.group) ?? []), field]);
  return [...groups];
}
