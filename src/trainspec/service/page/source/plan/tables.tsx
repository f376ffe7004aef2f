// The pictures again as numbers, for whoever reads rather than looks.
import type { ComponentChildren } from "preact";
import { t, type Word } from "../words";
import { PARTS, type Course, type Planned, type Run } from "./asked";
import { counted, LANES } from "./curve";
import { waysOf } from "./memory";
import { bytes, small, whole } from "./numbers";

const [ROWS, STEPS] = [9, 24];

export function Tables({ planned, run, course }: { planned: Planned; run: Run; course: Course }) {
  return (
    <details class="plan-tables">
      <summary>{t("plan_numbers")}</summary>
      {course.points && <Rates points={course.points} />}
      <Events run={run} course={course} />
      {course.retention.lives.length > 0 && <Lives course={course} />}
      {waysOf(planned).length > 0 && <MemoryTable planned={planned} />}
    </details>
  );
}

function Rates({ points }: { points: [number, number][] }) {
  const many = Math.min(ROWS, points.length);
  const chosen = Array.from({ length: many }, (_, place) => points[Math.round((place * (points.length - 1)) / Math.max(1, many - 1))]!);
  return (
    <Scrolled label={t("plan_rate")}>
      <table>
        <caption>{t("plan_rate")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("plan_update")}</th>
            <th scope="col">{t("plan_rate")}</th>
          </tr>
        </thead>
        <tbody>
          {chosen.map(([step, rate]) => (
            <tr key={step}>
              <th scope="row">{whole(step)}</th>
              <td>{small(rate)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

function Events({ run, course }: { run: Run; course: Course }) {
  return (
    <Scrolled label={t("plan_what")}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("plan_what")}</th>
            <th scope="col">{t("plan_how_many")}</th>
            <th scope="col">{t("plan_when")}</th>
          </tr>
        </thead>
        <tbody>
          {LANES.map((lane) => (
            <tr key={lane}>
              <th scope="row">{t(`plan_${lane}` satisfies Word)}</th>
              <td>{counted(lane, course[lane], run)}</td>
              <td class="steps">{steps(course[lane].steps)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

function steps(all: number[]): string {
  const shown = all.length > STEPS ? [...all.slice(0, STEPS - 1).map(whole), "…", whole(all.at(-1)!)] : all.map(whole);
  return shown.join(" ");
}

function Lives({ course }: { course: Course }) {
  const { lives, best } = course.retention;
  return (
    <Scrolled label={t("plan_retention")}>
      <table>
        <caption>{t("plan_retention")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("plan_written")}</th>
            <th scope="col">{t("plan_until")}</th>
          </tr>
        </thead>
        <tbody>
          {lives.map((life) => (
            <tr key={life.step}>
              <th scope="row">
                {whole(life.step)}
                {life.step === best && ` (${t("plan_is_best")})`}
              </th>
              <td>{life.until === null ? t("plan_stays") : whole(life.until)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

function MemoryTable({ planned }: { planned: Planned }) {
  const ways = waysOf(planned);
  return (
    <Scrolled label={t("plan_memory")}>
      <table>
        <caption>{t("plan_memory")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("plan_strategy")}</th>
            {ways.map((way) => (
              <th key={way.name} scope="col">
                {way.name}
                {way.chosen && ways.length > 1 && ` (${t("plan_chosen")})`}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {PARTS.map((part) => (
            <tr key={part}>
              <th scope="row">{t(`plan_part_${part}` satisfies Word)}</th>
              {ways.map((way) => (
                <td key={way.name}>
                  {way.memory_per_rank[part] === null ? "?" : bytes(way.memory_per_rank[part]!)}
                </td>
              ))}
            </tr>
          ))}
          <tr class="sum">
            <th scope="row">{t("plan_on_device")}</th>
            {ways.map((way) => (
              <td key={way.name}>{bytes(way.memory_per_rank.device)}</td>
            ))}
          </tr>
          <tr>
            <th scope="row">{t("plan_on_host")}</th>
            {ways.map((way) => (
              <td key={way.name}>{bytes(way.memory_per_rank.host)}</td>
            ))}
          </tr>
          <tr>
            <th scope="row">{t("plan_sent")}</th>
            {ways.map((way) => (
              <td key={way.name}>{bytes(way.sent_per_update)}</td>
            ))}
          </tr>
        </tbody>
      </table>
    </Scrolled>
  );
}

// What may be wider than the page scrolls by itself, and by keys where it has the focus.
function Scrolled({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="scrolled" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
