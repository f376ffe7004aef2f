// What one rank holds under DDP and the stages of ZeRO, beside what its device has.
import { useRef } from "preact/hooks";
import { t, type Word } from "../words";
import { PARTS, type Memory, type Part, type Planned, type Way } from "./asked";
import { place } from "./axis";
import { bytes, gib, size as inWords, small, ticks, whole } from "./numbers";
import { useWidth } from "./width";

const ENGINES: Record<string, string> = { ddp: "PyTorch", fsdp: "FSDP2", deepspeed: "DeepSpeed", single: "" };
const [RIGHT, TOP, NAME, BAR, GAP] = [14, 26, 20, 22, 16];

/** The ways side by side; of one process, which has nothing to divide, the one that there is. */
export function waysOf(planned: Planned): Way[] {
  if (planned.compared?.length) return planned.compared;
  const scale = planned.scale;
  if (!scale?.memory_per_rank) return [];
  const { strategy: name, memory_per_rank, sent_per_update, fits } = scale;
  return [{ name, engine: "single", chosen: true, memory_per_rank, sent_per_update: sent_per_update ?? 0, fits }];
}

export function MemoryBars({ planned, size }: { planned: Planned; size: number | null }) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const ways = waysOf(planned);
  const world = planned.scale?.world_size ?? 1;
  return (
    <figure class="plan-figure">
      <figcaption>
        <h2>{t("plan_memory")}</h2>
        {ways.length > 0 && size !== null ? (
          <>
            <p class="plan-note">{t("plan_memory_about", { params: inWords(size), world: whole(world) })}</p>
            <ul class="legend">
              {PARTS.filter((part) => ways.some((way) => onDevice(way.memory_per_rank, part) > 0)).map((part) => (
                <li key={part}>
                  <i class={`key part-${part}`} aria-hidden="true" />
                  {t(`plan_part_${part}` satisfies Word)}
                </li>
              ))}
            </ul>
          </>
        ) : (
          <p class="plan-note">{t("plan_memory_none")}</p>
        )}
      </figcaption>
      <div ref={frame} class="plan-frame">
        {width > 0 && ways.length > 0 && <Picture ways={ways} room={planned.scale?.device_memory ?? null} width={width} />}
      </div>
      {ways.some((way) => way.memory_per_rank.activations === null) && <p class="plan-note">{t("plan_memory_unknown")}</p>}
      {ways.some(isOpen) && <p class="plan-note">{t("plan_memory_open")}</p>}
    </figure>
  );
}

/** Whether more lies on the device than is known, activations aside, which are told of apart. */
function isOpen(way: Way): boolean {
  return PARTS.some((part) => part !== "activations" && way.memory_per_rank[part] === null);
}

/** Bytes of a part as far as they lie on the device. */
export function onDevice(memory: Memory, part: Part): number {
  return memory.on_host.includes(part) ? 0 : (memory[part] ?? 0);
}

function Picture({ ways, room, width }: { ways: Way[]; room: number | null; width: number }) {
  const most = Math.max(...ways.map((way) => way.memory_per_rank.device), room ?? 0, 1);
  const x = place({ left: 0, right: width - RIGHT, low: 0, high: most * 1.02 });
  const bottom = TOP + ways.length * (NAME + BAR + GAP);
  const marks = ticks(0, gib(most), Math.max(2, Math.floor(width / 110)));
  const limit = room === null ? null : x(room);
  return (
    <svg class="plan-picture" width={width} height={bottom + 26} role="img" aria-label={ways.map(told).join("; ")}>
      <g class="axis">
        {marks.map((one, index) => (
          <g key={one}>
            <path class="grid" d={`M${x(one * 2 ** 30)} ${TOP - 6}V${bottom}`} />
            <text x={x(one * 2 ** 30)} y={bottom + 18} text-anchor={index === 0 ? "start" : "middle"}>
              {small(one)}
              {index === marks.length - 1 || index === 0 ? " GiB" : ""}
            </text>
          </g>
        ))}
      </g>
      {limit !== null && (
        <g class="limit">
          <path d={`M${limit} ${TOP - 8}V${bottom}`} />
          <text x={limit > width / 2 ? limit - 6 : limit + 6} y={TOP - 12} text-anchor={limit > width / 2 ? "end" : "start"}>
            {t("plan_memory_limit", { memory: bytes(room!) })}
          </text>
        </g>
      )}
      {ways.map((way, index) => (
        <Bar key={way.name} way={way} x={x} y={TOP + index * (NAME + BAR + GAP)} width={width} />
      ))}
    </svg>
  );
}

function Bar({ way, x, y, width }: { way: Way; x: (size: number) => number; y: number; width: number }) {
  let sum = 0;
  const engine = ENGINES[way.engine] ?? way.engine;
  // Of what is not known as a whole only one thing can be said: that it is too much.
  const open = isOpen(way);
  const says = way.fits === null || (open && way.fits) ? "" : way.fits ? `✓ ${t("plan_memory_fits")}` : `✕ ${t("plan_memory_over")}`;
  const verdict = says && ` · ${says}`;
  return (
    <g class={`way${way.chosen ? " is-chosen" : ""}`}>
      <text x={0} y={y + 12}>
        <tspan class="way-name">{way.name}</tspan>
        {width > 420 && engine && <tspan class="muted"> {engine}</tspan>}
        {way.chosen && <tspan class="way-here"> {t("plan_memory_here")}</tspan>}
      </text>
      <text x={width - RIGHT} y={y + 12} text-anchor="end" class={way.fits === false ? "over" : says ? "fits" : ""}>
        {open && "≥ "}
        {bytes(way.memory_per_rank.device)}
        {verdict}
      </text>
      {PARTS.map((part) => {
        const size = onDevice(way.memory_per_rank, part);
        if (size <= 0) return null;
        const [from, to] = [x(sum), x(sum + size)];
        sum += size;
        return (
          <rect key={part} class={`part-${part}`} x={from} y={y + NAME} width={Math.max(1, to - from - 1)} height={BAR}>
            <title>
              {t(`plan_part_${part}` satisfies Word)}: {bytes(size)}
            </title>
          </rect>
        );
      })}
    </g>
  );
}

function told(way: Way): string {
  const open = isOpen(way);
  const verdict = way.fits === null || (open && way.fits) ? "" : `, ${t(way.fits ? "plan_memory_fits" : "plan_memory_over")}`;
  return `${way.name}: ${open ? "≥ " : ""}${bytes(way.memory_per_rank.device)}${verdict}`;
}
