// The settings of one group, which can be folded up; how, is kept while another view is looked at.
import { signal } from "@preact/signals";
import type { Field } from "../service/api";
import { t } from "../words";
import { Row } from "./row";
import { stateOf } from "./shown";

/** By heading, what somebody has opened or closed; of the others see `isOpen`. */
const chosen = signal<Record<string, boolean>>({});

const narrow = matchMedia("(max-width: 799px)");
const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => (isNarrow.value = narrow.matches));

export function setOpen(heading: string, open: boolean): void {
  chosen.value = { ...chosen.peek(), [heading]: open };
}

/** Where nobody has chosen, a group is open if there is something to see; on a narrow page, only what is wrong. */
export function isOpen(heading: string, members: readonly Field[], narrowed: boolean): boolean {
  if (narrowed) return true;
  const states = members.map((field) => stateOf(field.name).value);
  const wrong = states.some((one) => one.findings.length > 0);
  return chosen.value[heading] ?? (wrong || (!isNarrow.value && states.some((one) => one.said)));
}

export function groupId(heading: string): string {
  return `group-${heading.replaceAll(/\s+/g, "-")}`;
}

export function Group({ heading, members, narrowed }: { heading: string; members: Field[]; narrowed: boolean }) {
  const said = members.filter((field) => stateOf(field.name).value.said).length;
  const wrong = members.some((field) => stateOf(field.name).value.findings.length);
  const open = isOpen(heading, members, narrowed);
  return (
    <details
      class="group"
      id={groupId(heading)}
      open={open}
      onToggle={(event) => {
        if (event.currentTarget.open !== open) setOpen(heading, event.currentTarget.open);
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
