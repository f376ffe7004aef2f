// All settings as a form: by group, with a search, each beside what the document says of it.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Field } from "../service/api";
import { returns } from "../service/connection";
import { fields, lang, stale } from "../store";
import { t, type Word } from "../words";
import { Bar } from "./bar";
import { Group, isOpen, setOpen } from "./group";
import { Finding } from "./row";
import { controlOf, learnSchema } from "./schema";
import { count, elsewhere, stateOf } from "./shown";
import { Stale } from "./stale";

type Filter = "all" | "said" | "wrong" | "follows";
const FILTERS: Filter[] = ["all", "said", "wrong", "follows"];
/** Kept while another view is looked at. */
const search = signal("");
const filter = signal<Filter>("all");

export function Settings() {
  useEffect(() => void learnSchema(), [lang.value, returns.value]);
  if (!fields.value.length || !controlOf(fields.value[0]!.name)) return <p class="quiet">{t("settings_waiting")}</p>;
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (field: Field) => words.every((word) => searched(field).includes(word)) && passes(field, filter.value);
  const groups = grouped(fields.value.filter(fits));
  const narrowed = words.length > 0 || filter.value !== "all";
  const shown = groups.reduce((sum, [, members]) => sum + members.length, 0);
  const closed = !narrowed && groups.some(([heading, members]) => !isOpen(heading, members, false));
  return (
    <div class={`settings${stale.value ? " stale" : ""}`}>
      <div class="settings-filter">
        <div class="segments" role="group" aria-label={t("settings_show")}>
          {FILTERS.map((one) => (
            <button key={one} type="button" aria-pressed={filter.value === one} onClick={() => (filter.value = one)}>
              {t(`settings_${one}` satisfies Word)}
              {one === "said" && count.value > 0 && <span class="tally">{count.value}</span>}
            </button>
          ))}
        </div>
      </div>
      <Bar search={search} groups={groups.map(([heading]) => heading)}>
        {!narrowed && (
          <button type="button" class="plain" onClick={() => groups.forEach(([heading]) => setOpen(heading, closed))}>
            {t(closed ? "settings_open_all" : "settings_close_all")}
          </button>
        )}
      </Bar>
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
      {groups.map(([heading, members]) => (
        <Group key={heading} heading={heading} members={members} narrowed={narrowed} />
      ))}
      {shown === 0 && (
        <div class="quiet">
          <p>{t("settings_none")}</p>
          <p>{t("settings_none_help")}</p>
        </div>
      )}
      <Stale of={stale.value} what="stale_settings" />
    </div>
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
