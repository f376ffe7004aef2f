// What the plan is made for: numbers that no document says.
import type { Signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { params, rows, target, worldSize } from "../store";
import { t, type Word } from "../words";
import { read, size } from "./numbers";

const MACHINES = ["h100x8", "h200x8", "b200x8", "a100x8", "a100-80gx8", "l40sx4", "rtx4090", "mi300x:8", "tpu-v5px4", "cpu"];

export function Inputs() {
  return (
    <div class="plan-inputs" role="group" aria-label={t("plan_inputs")}>
      <NumberInput name="rows" of={rows} />
      <NumberInput name="world_size" of={worldSize} />
      <label>
        <span>{t("plan_target")}</span>
        <input
          type="text"
          name="target"
          list="plan-machines"
          placeholder={t("plan_target_hint")}
          autocomplete="off"
          spellcheck={false}
          value={target.value}
          onInput={(event) => (target.value = event.currentTarget.value)}
        />
        <datalist id="plan-machines">
          {MACHINES.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </label>
      <NumberInput name="params" of={params} />
    </div>
  );
}

function NumberInput({ name, of }: { name: "rows" | "world_size" | "params"; of: Signal<number | null> }) {
  const [draft, setDraft] = useState<string | null>(null);
  const outside = of.value === null ? "" : name === "params" ? size(of.value) : String(of.value);
  const text = draft ?? outside;
  const wrong = text.trim() !== "" && read(text) === null;
  return (
    <label>
      <span>{t(`plan_${name}` satisfies Word)}</span>
      <input
        type="text"
        name={name}
        inputMode="text"
        autocomplete="off"
        spellcheck={false}
        placeholder={t(`plan_${name}_hint` satisfies Word)}
        aria-invalid={wrong}
        aria-describedby={wrong ? `plan-${name}-wrong` : undefined}
        value={text}
        onInput={(event) => {
          const typed = event.currentTarget.value;
          setDraft(typed);
          if (typed.trim() === "") of.value = null;
          else of.value = read(typed) ?? of.value;
        }}
        onBlur={() => {
          if (!wrong) setDraft(null);
        }}
      />
      {wrong && <small id={`plan-${name}-wrong`}>{t("plan_no_number")}</small>}
    </label>
  );
}
