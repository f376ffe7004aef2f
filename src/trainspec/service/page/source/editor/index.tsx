// The document: what it is written in, for what it is judged, and what is found in it.
import { useEffect, useRef } from "preact/hooks";
import { undo } from "@codemirror/commands";
import { choose, wanted } from "../converting/proposal";
import { ProposalDialog } from "../converting/dialog";
import { Away } from "../service/away";
import { format, goOnWith, notice, target, worldSize, type Format } from "../store";
import { t, type Word } from "../words";
import { formatOf, formatOfName } from "./detecting";
import { Findings } from "./findings";
import { atCursor } from "./hovering";
import { Share } from "../forms/share";
import { openIn, shown } from "./view";

const FORMATS: Record<Format, string> = { yaml: "YAML", json: "JSON", toml: "TOML", env: "" };
const LARGEST = 2 ** 20;
const MACHINES = ["h200x8", "h100x8", "h100", "a100x8", "a100", "l40s", "l4", "v100", "t4", "cpu"];

export function Editor() {
  return (
    <>
      <Bar />
      <Box />
      <Away />
      <Notice />
      <Explained />
      <Findings />
      <ProposalDialog />
    </>
  );
}

function Box() {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => openIn(host.current!), []);
  return <div class="editor" ref={host} />;
}

function Bar() {
  return (
    <div class="bar">
      <label>
        {t("format")}
        <select id="format" value={wanted.value ?? format.value} onChange={(event) => void choose(event.currentTarget.value as Format)}>
          {Object.entries(FORMATS).map(([name, shown]) => (
            <option key={name} value={name}>
              {shown || t("format_env")}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("machine")}
        <input
          id="machine"
          size={8}
          list="machines"
          spellcheck={false}
          placeholder={t("machine_any")}
          value={target.value}
          onChange={(event) => (target.value = event.currentTarget.value.trim())}
        />
        <datalist id="machines">
          {MACHINES.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      <label>
        {t("processes")}
        <input
          id="processes"
          class="narrow"
          inputMode="numeric"
          placeholder={t("machine_any")}
          value={worldSize.value ?? ""}
          onChange={(event) => (worldSize.value = whole(event.currentTarget.value))}
        />
      </label>
      <span class="push" />
      <Open />
      <Share />
    </div>
  );
}

function whole(said: string): number | null {
  const number = Number(said.trim());
  return said.trim() !== "" && Number.isInteger(number) && number > 0 ? number : null;
}

function Open() {
  const read = async (file: File | undefined) => {
    if (file === undefined) return;
    if (file.size > LARGEST) {
      notice.value = "too_large";
      return;
    }
    const found = await file.text();
    const named = formatOfName(file.name);
    goOnWith(named ?? formatOf(found) ?? format.peek(), found);
    if (named === null) notice.value = "recognized";
  };
  return (
    <label class="button">
      {t("open_file")}
      <input
        type="file"
        class="hidden"
        accept=".yaml,.yml,.json,.toml,.env,text/*"
        onChange={(event) => {
          void read(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

/** What is told of these was done to the document as a whole. */
const UNDONE = new Set<Word>(["converted", "recognized", "link_taken"]);

function takeBack(): void {
  if (shown === null) return;
  undo(shown);
  shown.focus();
  notice.value = null;
}

function Notice() {
  const told = notice.value;
  const said = typeof told === "string" ? t(told) : told?.said;
  return (
    <div role="status" class="notice-place">
      {said !== undefined && (
        <p class="notice">
          <span>{said}</span>
          {typeof told === "string" && UNDONE.has(told) && (
            <button class="button small" id="undo" onClick={takeBack}>
              {t("undo")}
            </button>
          )}
          <button class="plain" aria-label={t("close")} onClick={() => (notice.value = null)}>
            ×
          </button>
        </p>
      )}
    </div>
  );
}

/** What stands at the cursor: the same as under the pointer, for who uses none; else which keys there are. */
function Explained() {
  const at = atCursor.value;
  return (
    <div class="at-cursor">
      {at === null ? (
        <span class="hint">{t("keys")}</span>
      ) : (
        <>
          <strong>{at.title || at.name}</strong> <code>{at.path.join(".")}</code>
          <span>{at.description}</span>
          <span class="facts">
            {at.type}
            {at.default !== "" && ` · ${t("default")} ${at.default}`}
          </span>
        </>
      )}
    </div>
  );
}
