// The service's answers. Nothing but the page's own origin is ever asked.
import { signal } from "@preact/signals";
import { t } from "../words";
import { isGone, lose } from "./connection";

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
  /** It comes from this page: the service does not answer, and what it said last still stands. */
  away?: true;
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

// A request may be broken off without a fault of its own; a service that has too much to do says how long to wait.
const AGAIN = 1;
const PATIENT = 5;

async function ask<T>(
  method: string,
  path: string,
  parameters: Parameters,
  body: string | undefined,
  signal: AbortSignal | undefined,
  tries = 0,
): Promise<T | Refusal> {
  const again = () => ask<T>(method, path, parameters, body, signal, tries + 1);
  const headers: Record<string, string> = {};
  const used = token.value;
  if (used) headers["Authorization"] = `Bearer ${used}`;
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(addressOf(path, parameters), {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    answer = await response.json().catch((error: unknown) => {
      if (error instanceof SyntaxError) return null;
      throw error;
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (await isGone()) return away();
    signal?.throwIfAborted();
    return tries < AGAIN ? again() : brokenOff();
  }
  if (response.status === 429 && tries < PATIENT) {
    await rest(Number(response.headers.get("Retry-After")) || 1);
    signal?.throwIfAborted();
    return again();
  }
  // An answer to an older token says nothing about the one that was given since.
  if (response.status === 401 && used === token.value) locked.value = true;
  if (response.status >= 502) {
    lose();
    return away();
  }
  if (typeof answer !== "object" || answer === null) return { ok: false, status: response.status, diagnostics: [noJson(response.status)] };
  // A document that is too large is judged, too: its finding says so.
  if (response.ok || "files" in answer) return answer as T;
  const { diagnostics } = answer as { diagnostics?: Diagnostic[] };
  return { ok: false, status: response.status, diagnostics: diagnostics ?? [] };
}

function addressOf(path: string, parameters: Parameters): URL {
  const url = new URL(path.replace(/^\//, ""), document.baseURI);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  return url;
}

function rest(seconds: number): Promise<void> {
  return new Promise((go) => setTimeout(go, Math.min(seconds, 10) * 1000));
}

function away(): Refusal {
  return { ok: false, status: 0, diagnostics: [], away: true };
}

/** The service is there, and took no more of a body: it does so where one is far too large. */
function brokenOff(): Refusal {
  return { ok: false, status: 413, diagnostics: [finding("SVC101", "body-too-large", t("broken_off"))] };
}

function noJson(status: number): Diagnostic {
  return finding("SVC131", "no-answer", t("no_json", { status }));
}

function finding(code: string, name: string, message: string): Diagnostic {
  return { code, name, severity: "error", message, reason: "", remedy: "", fields: [], evidence: [] };
}
