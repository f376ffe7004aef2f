// The control of one setting, by what it may be. What is typed is written into the document after a short rest.
import { useEffect, useRef, useState } from "preact/hooks";
import { setValue } from "../store";
import { t } from "../words";
import type { Control } from "./schema";

interface Given {
  id: string;
  path: string;
  control: Control;
  value: unknown;
  said: boolean;
  /** What holds while nothing is said, as it is shown. */
  otherwise: string;
  label: string;
  describedBy: string;
  wrong: boolean;
}

const REST = 300;
const NUMBER = /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

export function ControlOf(given: Given) {
  switch (given.control.kind) {
    case "switch":
      return <Switch {...given} />;
    case "choice":
      return <Choice {...given} />;
    case "list":
      return <Chips {...given} />;
    case "mapping":
      return <Typed {...given} read={asMapping} show={asJson} multiline placeholder={t("settings_mapping")} />;
    case "number":
      return <Typed {...given} read={asNumber} show={asText} placeholder={given.otherwise} />;
    default:
      return <Typed {...given} read={(text) => asPlain(text, given.control)} show={asText} placeholder={given.otherwise} />;
  }
}

function aria(given: Given) {
  return {
    id: given.id,
    "aria-label": given.label,
    "aria-describedby": given.describedBy,
    "aria-invalid": given.wrong,
  };
}

function Switch(given: Given) {
  const on = given.said ? isOn(given.value) : given.otherwise === "true";
  return (
    <label class="switch">
      <input
        {...aria(given)}
        type="checkbox"
        role="switch"
        checked={on}
        onChange={(event) => setValue(given.path, event.currentTarget.checked)}
      />
      <span aria-hidden="true">{on ? t("settings_on") : t("settings_off")}</span>
    </label>
  );
}

// Variables hold text; their words for yes are those that the service takes.
function isOn(value: unknown): boolean {
  return typeof value === "string" ? ["true", "1", "yes", "on", "y", "t"].includes(value.toLowerCase()) : Boolean(value);
}

function Choice(given: Given) {
  const { choices } = given.control;
  const at = given.said ? choices.findIndex((one) => String(one.value) === String(given.value)) : -1;
  const unknown = given.said && at < 0;
  const otherwise = given.otherwise ? t("settings_unset_default", { value: unquoted(given.otherwise) }) : t("settings_unset");
  return (
    <>
      <select
        {...aria(given)}
        value={unknown ? "unknown" : String(at)}
        onChange={(event) => {
          const chosen = Number(event.currentTarget.value);
          setValue(given.path, chosen < 0 ? undefined : choices[chosen]!.value);
        }}
      >
        <option value="-1">{otherwise}</option>
        {unknown && (
          <option value="unknown" disabled>
            {asText(given.value)}
          </option>
        )}
        {choices.map((one, index) => (
          <option key={index} value={String(index)}>
            {String(one.value)}
          </option>
        ))}
      </select>
      {at >= 0 && choices[at]!.description && <p class="choice-about">{choices[at]!.description}</p>}
    </>
  );
}

function Chips(given: Given) {
  const said = listed(given.value);
  const toggle = (value: unknown) => {
    const next = said.includes(String(value)) ? said.filter((one) => one !== String(value)) : [...said, String(value)];
    setValue(given.path, next.length ? next : undefined);
  };
  return (
    <div {...aria(given)} role="group" class="chips">
      {given.control.choices.map((one) => (
        <button
          key={String(one.value)}
          type="button"
          class="chip"
          title={one.description}
          aria-pressed={said.includes(String(one.value))}
          onClick={() => toggle(one.value)}
        >
          {String(one.value)}
        </button>
      ))}
    </div>
  );
}

// A list, or words in one text, as the document says it; true stands for no word of its own.
function listed(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" ? value.split(/[\s,]+/).filter(Boolean) : [];
}

interface TypedGiven extends Given {
  /** The value that a text stands for; undefined while it is none. */
  read: (text: string) => unknown;
  show: (value: unknown) => string;
  placeholder: string;
  multiline?: boolean;
}

function Typed(given: TypedGiven) {
  const outside = given.said ? given.show(given.value) : "";
  const [draft, setDraft] = useState<string | null>(null);
  const resting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const text = draft ?? outside;
  const write = (typed: string, last: boolean) => {
    clearTimeout(resting.current);
    if (typed === outside) return;
    const value = typed.trim() === "" ? undefined : given.read(typed);
    // Half a number is no mistake while it is typed; what is left standing is the service's to judge.
    if (typed.trim() === "" || value !== undefined) setValue(given.path, value);
    else if (last && !given.multiline) setValue(given.path, typed);
  };
  useEffect(() => () => clearTimeout(resting.current), []);
  const common = {
    ...aria(given),
    value: text,
    spellcheck: false,
    dir: "auto" as const,
    autocomplete: "off" as const,
    onInput: (event: { currentTarget: { value: string } }) => {
      const typed = event.currentTarget.value;
      setDraft(typed);
      clearTimeout(resting.current);
      resting.current = setTimeout(() => write(typed, false), REST);
    },
    onBlur: () => {
      if (draft === null) return;
      write(draft, true);
      // A mapping that is none yet stays to be finished.
      if (!(given.multiline && draft.trim() && given.read(draft) === undefined)) setDraft(null);
    },
  };
  const unfinished = given.multiline && draft !== null && draft.trim() !== "" && given.read(draft) === undefined;
  return (
    <>
      {given.multiline ? (
        <textarea {...common} rows={text.includes("\n") || text.length > 30 ? 4 : 1} placeholder={given.placeholder} />
      ) : (
        <input
          {...common}
          type="text"
          inputMode={given.control.kind === "number" ? "decimal" : "text"}
          placeholder={unquoted(given.placeholder)}
          list={given.control.choices.length ? `${given.id}-known` : undefined}
          onKeyDown={(event) => {
            if (event.key === "Enter") write(event.currentTarget.value, true);
            if (event.key === "Escape") setDraft(null);
          }}
        />
      )}
      {given.control.choices.length > 0 && (
        <datalist id={`${given.id}-known`}>
          {given.control.choices.map((one) => (
            <option key={String(one.value)} value={String(one.value)} />
          ))}
        </datalist>
      )}
      {unfinished && <p class="choice-about">{t("settings_mapping_bad")}</p>}
    </>
  );
}

function asNumber(text: string): unknown {
  const plain = text.trim().replaceAll("_", "");
  return NUMBER.test(plain) ? Number(plain) : undefined;
}

function asPlain(text: string, control: Control): unknown {
  const plain = text.trim();
  const { reads } = control;
  if (reads.has("boolean") && (plain === "true" || plain === "false")) return plain === "true";
  if ((reads.has("number") || reads.has("integer")) && NUMBER.test(plain)) return Number(plain.replaceAll("_", ""));
  if (reads.has("array") && (plain.includes(",") || !reads.has("string"))) {
    return plain.split(",").map((one) => one.trim()).filter(Boolean);
  }
  return plain;
}

function asMapping(text: string): unknown {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "object" && found !== null && !Array.isArray(found) ? found : undefined;
  } catch {
    // While it is typed it is no JSON; the view says so.
    return undefined;
  }
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(asText).join(", ");
  return value === null || typeof value !== "object" ? String(value) : JSON.stringify(value);
}

function asJson(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function unquoted(shown: string): string {
  return shown.replace(/^"(.*)"$/, "$1");
}
