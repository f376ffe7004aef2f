// The service's answers. Nothing but the page's own origin is ever asked.
import { signal } from "@preact/signals";

export interface Position {
  line: number;
  character: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export interface Evidence {
  field: string;
  value: string | null;
  /** Where it was said; a fact of a machine was said nowhere. */
  source: { kind: string; name: string; line: number | null; column: number | null } | null;
}

export interface Diagnostic {
  code: string;
  name: string;
  severity: "error" | "warning" | "note";
  message: string;
  reason: string;
  remedy: string;
  fields: string[];
  evidence: Evidence[];
}

/** An exact edit that mends a finding, which is told by its place in the list. */
export interface Fix {
  diagnostic: number;
  title: string;
  edits: { range: Range; text: string }[];
}

/** What every refusal is, and what many answers hold. */
export interface Refusal {
  ok: false;
  status: number;
  diagnostics: Diagnostic[];
}

export interface Judged {
  file: string;
  document: number;
  ok: boolean;
  diagnostics: Diagnostic[];
}

/** The answer of /validate. */
export interface Validated {
  version: number;
  ok: boolean;
  files: Judged[];
  summary: { files: number; documents: number; errors: number; warnings: number; notes: number };
}

/** A setting as /fields tells of it; a key of a mapping is one, too, with its path as its name. */
export interface Field {
  name: string;
  title?: string;
  group: string;
  description: string;
  type: string;
  choices: unknown[];
  default: string;
  follows_from: string[];
  keys: string[];
  variable: string;
  flag: string;
  example: unknown;
  rules: string[];
  old_names: string[];
  secret?: boolean;
}

export type Parameters = Record<string, string | number | null | undefined>;

/** The token of the service: null where none was asked for yet. Kept for this tab alone. */
const KEPT = "trainspec.token";
export const token = signal<string | null>(sessionStorage.getItem(KEPT));
/** Whether the service has refused us for want of a token. */
export const locked = signal(false);

export function giveToken(text: string): void {
  token.value = text.trim();
  sessionStorage.setItem(KEPT, token.value);
  locked.value = false;
}

export function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === "object" && answer !== null && "status" in answer && "diagnostics" in answer;
}

export function post<T>(path: string, parameters: Parameters, body: string, signal?: AbortSignal): Promise<T | Refusal> {
  return ask<T>("POST", path, parameters, body, signal);
}

export function get<T>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<T | Refusal> {
  return ask<T>("GET", path, parameters, undefined, signal);
}

async function ask<T>(
  method: string,
  path: string,
  parameters: Parameters,
  body: string | undefined,
  signal: AbortSignal | undefined,
): Promise<T | Refusal> {
  const url = new URL(path.replace(/^\//, ""), document.baseURI);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  const headers: Record<string, string> = {};
  const used = token.value;
  if (used) headers["Authorization"] = `Bearer ${used}`;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    return refusal(0, "SVC131", "unreachable", "the service does not answer");
  }
  const answer: unknown = await response.json().catch(() => null);
  // An answer to an older token says nothing about the one that was given since.
  if (response.status === 401 && used === token.value) locked.value = true;
  if (typeof answer !== "object" || answer === null) {
    return refusal(response.status, "SVC131", "unreachable", `the service answered ${response.status} without JSON`);
  }
  // A document that is too large is judged, too: its finding says so.
  if (response.ok || "files" in answer) return answer as T;
  const { diagnostics } = answer as { diagnostics?: Diagnostic[] };
  return { ok: false, status: response.status, diagnostics: diagnostics ?? [] };
}

function refusal(status: number, code: string, name: string, message: string): Refusal {
  const found: Diagnostic = {
    code,
    name,
    severity: "error",
    message,
    reason: "",
    remedy: "",
    fields: [],
    evidence: [],
  };
  return { ok: false, status, diagnostics: [found] };
}
