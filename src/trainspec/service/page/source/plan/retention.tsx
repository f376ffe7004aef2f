// Which checkpoints are there when: each from the update that writes it to the one after which it is deleted.
import { useRef } from "preact/hooks";
import { t } from "../words";
import { best, type Course, type Life, type Run } from "./asked";
import { place, UpdateAxis, type Place } from "./axis";
import { whole } from "./numbers";
import { useWidth } from "./width";

const LEFT = 62;
const RIGHT = 14;
const TOP = 8;

export function Retention({ run, course }: { run: Run; course: Course }) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const { limit, count, lives } = course.retention;
  const kept = lives.filter((life) => life.until === null);
  return (
    <figure class="plan-figure">
      <figcaption>
        <h2>{t("plan_retention")}</h2>
        <p class="plan-note">
          {count === 0
            ? run.saves_when_best
              ? `${t("plan_saves")}: ${t("plan_when_best")}.`
              : t("plan_retention_none")
            : `${t("plan_retention_about")} ${limit === null ? t("plan_retention_all") : t("plan_retention_limit", { limit })}`}
          {count > lives.length && ` ${t("plan_retention_tail", { shown: whole(lives.length), count: whole(count) })}`}
        </p>
      </figcaption>
      {run.keeps_best && lives.length > 1 && <Supposed course={course} />}
      {lives.length > 0 && (
        <>
          <div ref={frame} class="plan-frame">
            {width > 0 && <Picture run={run} course={course} width={width} />}
          </div>
          <p class="plan-note">{t("plan_retention_end", { steps: listed(kept, course.retention.best) })}</p>
        </>
      )}
    </figure>
  );
}

export function listed(kept: Life[], chosen: number | null): string {
  const names = kept.map((life) => whole(life.step) + (life.step === chosen ? ` (${t("plan_is_best")})` : ""));
  return names.length > 12 ? `${names.slice(0, 3).join(", ")} … ${names.slice(-3).join(", ")}` : names.join(", ");
}

function Supposed({ course }: { course: Course }) {
  return (
    <label class="plan-suppose">
      <span>{t("plan_retention_best")}</span>
      <select
        name="best"
        value={String(course.retention.best)}
        onChange={(event) => (best.value = Number(event.currentTarget.value))}
      >
        {course.retention.lives.map(({ step }) => (
          <option key={step} value={String(step)}>
            {whole(step)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Picture({ run, course, width }: { run: Run; course: Course; width: number }) {
  const { lives, count, best: chosen } = course.retention;
  const row = lives.length <= 16 ? 14 : lives.length <= 40 ? 9 : lives.length <= 80 ? 6 : 4;
  const gap = row > 8 ? 3 : 1;
  const low = count > lives.length ? lives[0]!.step : 1;
  const across: Place = { left: LEFT, right: width - RIGHT, low, high: Math.max(low + 1, run.total_updates) };
  const x = place(across);
  const bottom = TOP + lives.length * (row + gap) + 4;
  return (
    <svg class="plan-picture" width={width} height={bottom + 40} role="img" aria-label={t("plan_retention_about")}>
      {lives.map((life, index) => {
        const from = x(life.step);
        const to = life.until === null ? width - RIGHT + 8 : x(life.until);
        const kind = life.step === chosen ? "best" : life.until === null ? "kept" : "gone";
        const y = TOP + index * (row + gap);
        return (
          <g key={life.step} class={`life life-${kind}`} onClick={() => run.keeps_best && (best.value = life.step)}>
            <rect x={from} y={y} width={Math.max(3, to - from)} height={row} rx={Math.min(3, row / 2)}>
              <title>
                {whole(life.step)}: {life.until === null ? t("plan_stays") : `${t("plan_deleted")} ${whole(life.until)}`}
              </title>
            </rect>
            {row >= 9 && (
              <text x={Math.max(LEFT - 6, from - 6)} y={y + row - (row > 10 ? 3 : 1)} text-anchor="end">
                {whole(life.step)}
              </text>
            )}
          </g>
        );
      })}
      <UpdateAxis at={across} y={bottom} label={t("plan_updates")} />
    </svg>
  );
}
