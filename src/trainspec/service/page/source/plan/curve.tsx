// The learning rate over the run, with its warmup, its epochs, and marks where it logs, evaluates and saves.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { t, type Word } from "../words";
import type { Course, Marks, Run } from "./asked";
import { place, UpdateAxis, type Place } from "./axis";
import { small, ticks, whole } from "./numbers";
import { useWidth } from "./width";

const LEFT = 62;
const RIGHT = 14;
const TOP = 22;
const LANE = 24;
const WARMUP = 150;
export const LANES = ["logs", "evaluations", "saves"] as const;

export function Curve({ run, course }: { run: Run; course: Course }) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const at = useSignal<number | null>(null);
  const points = course.points ?? [];
  const chosen = at.value !== null ? points[Math.min(at.value, points.length - 1)] : undefined;
  const said = chosen ? told(run, course, chosen) : "";
  return (
    <figure class="plan-figure">
      <figcaption>
        <h2>{t("plan_course")}</h2>
        <Legend run={run} course={course} />
      </figcaption>
      <div ref={frame} class="plan-frame">
        {width > 0 && <Picture run={run} course={course} width={width} at={at.value} choose={(index) => (at.value = index)} />}
      </div>
      {points.length > 1 ? (
        <div class="plan-look">
          <input
            type="range"
            aria-label={t("plan_at")}
            aria-valuetext={said || t("plan_at")}
            min={0}
            max={points.length - 1}
            value={at.value ?? 0}
            onInput={(event) => (at.value = Number(event.currentTarget.value))}
          />
          <output>{said || t("plan_at")}</output>
        </div>
      ) : (
        course.points === null && <p class="plan-note">{t("plan_by_evaluations")}</p>
      )}
    </figure>
  );
}

function Legend({ run, course }: { run: Run; course: Course }) {
  return (
    <ul class="legend">
      <li>
        <i class="key key-rate" aria-hidden="true" />
        {t("plan_rate")}
      </li>
      {LANES.map((lane) => (
        <li key={lane}>
          <i class={`key key-${lane}`} aria-hidden="true" />
          {t(`plan_${lane}` satisfies Word)}{" "}
          <span class="muted">{counted(lane, course[lane], run)}</span>
        </li>
      ))}
    </ul>
  );
}

export function counted(lane: (typeof LANES)[number], marks: Marks, run: Run): string {
  if (lane === "saves" && run.saves_when_best) return t("plan_when_best");
  return marks.count ? whole(marks.count) : t("plan_never");
}

function told(run: Run, course: Course, [step, rate]: [number, number]): string {
  const given = { step: whole(step), rate: small(rate) };
  const epoch = run.updates_per_epoch ? (step / run.updates_per_epoch).toFixed(2) : null;
  const parts = [epoch === null ? t("plan_at_said_alone", given) : t("plan_at_said", { ...given, epoch })];
  const names = { logs: "plan_next_log", evaluations: "plan_next_evaluation", saves: "plan_next_save" } as const;
  for (const lane of LANES) {
    const marks = course[lane];
    // Of more marks than are told, the next one may be another.
    const next = marks.count === marks.steps.length ? marks.steps.find((one) => one >= step) : undefined;
    if (next !== undefined) parts.push(t("plan_next", { what: t(names[lane]), step: whole(next) }));
  }
  return parts.join(" · ");
}

interface Drawn {
  run: Run;
  course: Course;
  width: number;
  at: number | null;
  choose: (index: number | null) => void;
}

function Picture({ run, course, width, at, choose }: Drawn) {
  const points = course.points ?? [];
  const height = width < 480 ? 150 : 210;
  const across: Place = { left: LEFT, right: width - RIGHT, low: 1, high: Math.max(2, run.total_updates) };
  const x = place(across);
  const most = Math.max(...points.map(([, rate]) => rate), 0) || 1;
  const rates = ticks(0, most, 4);
  const y = place({ left: TOP + height, right: TOP, low: 0, high: Math.max(most, rates.at(-1) ?? 0) });
  const lanes = TOP + (points.length ? height : 0) + 14;
  const bottom = lanes + LANES.length * LANE + 4;
  const line = points.map(([step, rate], index) => `${index ? "L" : "M"}${x(step).toFixed(1)} ${y(rate).toFixed(1)}`).join("");
  const chosen = at !== null ? points[Math.min(at, points.length - 1)] : undefined;
  const find = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    choose(nearest(points, x, event.clientX - box.left));
  };
  return (
    <svg
      class="plan-picture"
      width={width}
      height={bottom + 40}
      role="img"
      aria-label={t("plan_course_about", { total: whole(run.total_updates), schedule: run.learning_rate.schedule })}
      onPointerMove={find}
      onPointerDown={find}
      onPointerLeave={() => choose(null)}
    >
      {points.length > 0 && (
        <>
          <Warmup run={run} x={x} top={TOP} bottom={TOP + height} />
          <Epochs course={course} x={x} from={run.warmup_updates ? x(1) + WARMUP : 0} bottom={bottom} right={width - RIGHT} />
          <g class="axis">
            {rates.map((one) => (
              <g key={one}>
                <path class="grid" d={`M${LEFT} ${y(one)}H${width - RIGHT}`} />
                <text x={LEFT - 8} y={y(one) + 4} text-anchor="end">
                  {small(one)}
                </text>
              </g>
            ))}
          </g>
          <path class="rate-area" d={`${line}V${TOP + height}H${x(points[0]![0])}Z`} />
          <path class="rate" d={line} />
        </>
      )}
      {LANES.map((lane, index) => (
        <Lane key={lane} lane={lane} marks={course[lane]} x={x} y={lanes + index * LANE} right={width - RIGHT} />
      ))}
      <UpdateAxis at={across} y={bottom} label={t("plan_updates")} />
      {chosen && (
        <g class="cross">
          <path d={`M${x(chosen[0])} ${TOP}V${bottom}`} />
          <circle cx={x(chosen[0])} cy={y(chosen[1])} r="4.5" />
        </g>
      )}
    </svg>
  );
}

function Warmup({ run, x, top, bottom }: { run: Run; x: (step: number) => number; top: number; bottom: number }) {
  if (!run.warmup_updates) return null;
  const [from, to] = [x(1), x(Math.min(run.warmup_updates + 1, run.total_updates))];
  return (
    <g class="warmup">
      <rect x={from} y={top} width={Math.max(2, to - from)} height={bottom - top} />
      <text x={from + 4} y={top - 7}>
        {whole(run.warmup_updates)} {t("plan_warmup")}
      </text>
    </g>
  );
}

interface EpochsGiven {
  course: Course;
  x: (step: number) => number;
  /** Where the words about the warmup end. */
  from: number;
  bottom: number;
  right: number;
}

function Epochs({ course, x, from, bottom, right }: EpochsGiven) {
  const { count, steps } = course.epoch_ends;
  const room = (right - LEFT) / Math.max(1, count);
  if (count !== steps.length || room < 8) return null;
  return (
    <g class="epochs">
      {steps.map((step, index) => (
        <g key={step}>
          <path d={`M${x(step)} ${TOP}V${bottom}`} />
          {room > 56 && x(step) - from > 56 && (
            <text x={x(step) - 4} y={TOP - 7} text-anchor="end">
              {t("plan_epoch")} {index + 1}
            </text>
          )}
        </g>
      ))}
    </g>
  );
}

function Lane({ lane, marks, x, y, right }: { lane: (typeof LANES)[number]; marks: Marks; x: (step: number) => number; y: number; right: number }) {
  const drawn = marks.steps.map((step) => `M${x(Math.max(1, step)).toFixed(1)} ${y + 4}v${LANE - 10}`).join("");
  return (
    <g class={`lane lane-${lane}`}>
      <text x={LEFT - 8} y={y + 15} text-anchor="end">
        {t(`plan_${lane}_lane` satisfies Word)}
      </text>
      <path class="lane-line" d={`M${LEFT} ${y + LANE / 2 - 1}H${right}`} />
      <path class="lane-marks" d={drawn} />
    </g>
  );
}

function nearest(points: [number, number][], x: (step: number) => number, at: number): number | null {
  let [found, distance]: [number | null, number] = [null, Infinity];
  points.forEach(([step], index) => {
    const away = Math.abs(x(step) - at);
    if (away < distance) [found, distance] = [index, away];
  });
  return found;
}
