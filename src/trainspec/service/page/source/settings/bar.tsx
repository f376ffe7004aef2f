// What stays in sight above the settings: the search, and the way to each group.
import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../words";
import { groupId, setOpen } from "./group";

interface Given {
  search: Signal<string>;
  groups: string[];
  /** What stands beside the search. */
  children: ComponentChildren;
}

export function Bar({ search, groups, children }: Given) {
  return (
    <div class="settings-bar">
      <div role="search" class="search">
        <input
          type="search"
          aria-label={t("settings_search")}
          placeholder={t("settings_search_short")}
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
        {children}
      </div>
      <Ways groups={groups} />
    </div>
  );
}

/** One stop of the tab key; the arrows walk along it. */
function Ways({ groups }: { groups: string[] }) {
  const strip = useRef<HTMLDivElement>(null);
  const here = useSignal("");
  const current = groups.includes(here.value) ? here.value : (groups[0] ?? "");
  useEffect(() => {
    let asked = 0;
    const look = () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(() => {
        if (strip.current === null) return;
        const edge = strip.current.getBoundingClientRect().bottom + 8;
        const passed = groups.filter((one) => (document.getElementById(groupId(one))?.getBoundingClientRect().top ?? Infinity) <= edge);
        here.value = passed.at(-1) ?? groups[0] ?? "";
      });
    };
    addEventListener("scroll", look, { passive: true });
    return () => {
      removeEventListener("scroll", look);
      cancelAnimationFrame(asked);
    };
  }, [groups.join("\0")]);
  useEffect(() => {
    const [box, button] = [strip.current!, strip.current!.querySelector<HTMLElement>('[aria-current="true"]')];
    if (button) box.scrollLeft = button.offsetLeft - (box.clientWidth - button.offsetWidth) / 2;
  }, [current]);
  const walk = (event: KeyboardEvent) => {
    const buttons = [...strip.current!.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const places: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
    const place = places[event.key];
    if (place === undefined || at < 0) return;
    event.preventDefault();
    buttons.at(place % buttons.length)?.focus();
  };
  return (
    <div ref={strip} class="ways" role="toolbar" aria-label={t("settings_groups")} onKeyDown={walk}>
      {groups.map((one) => (
        <button key={one} type="button" aria-current={one === current} tabIndex={one === current ? 0 : -1} onClick={() => go(one)}>
          {one}
        </button>
      ))}
    </div>
  );
}

function go(heading: string): void {
  setOpen(heading, true);
  // What was opened is there in the next frame.
  requestAnimationFrame(() => {
    const group = document.getElementById(groupId(heading));
    group?.scrollIntoView({ block: "start" });
    group?.querySelector("summary")?.focus({ preventScroll: true });
  });
}
