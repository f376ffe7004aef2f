// Places on a picture: a scale from numbers to pixels, and the axis of updates that several pictures share.
import { brief, ticks } from "./numbers";

export interface Place {
  left: number;
  right: number;
  low: number;
  high: number;
}

export function place(at: Place): (value: number) => number {
  const span = at.high - at.low;
  return (value) => (span > 0 ? at.left + ((value - at.low) / span) * (at.right - at.left) : (at.left + at.right) / 2);
}

export function UpdateAxis({ at, y, label }: { at: Place; y: number; label: string }) {
  const x = place(at);
  const marks = ticks(at.low, at.high, Math.max(2, Math.floor((at.right - at.left) / 90))).filter((one) => Number.isInteger(one));
  return (
    <g class="axis">
      <path d={`M${at.left} ${y}H${at.right}`} />
      {marks.map((one) => (
        <g key={one}>
          <path d={`M${x(one)} ${y}v5`} />
          <text x={x(one)} y={y + 18} text-anchor={x(one) > at.right - 12 ? "end" : "middle"}>
            {brief(one)}
          </text>
        </g>
      ))}
      <text x={at.right} y={y + 33} text-anchor="end" class="axis-name">
        {label}
      </text>
    </g>
  );
}
