// The language server of editors' TOML extension, which comes as a library, as a process that talks over stdio.
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import taplo from "@taplo/lsp";

// Of the network, this machine alone is there: the server begins by asking for a catalogue.
const fetchAnywhere = globalThis.fetch;
globalThis.fetch = async (request, options) => {
  if (new URL(request.url ?? request).hostname !== "127.0.0.1") throw new TypeError("fetch failed");
  return fetchAnywhere(request, options);
};

const environment = {
  now: () => new Date(),
  envVar: (name) => process.env[name],
  envVars: () => Object.entries(process.env),
  stdErrAtty: () => false,
  stdin: async () => new Uint8Array(),
  stdout: async (bytes) => bytes.length,
  stderr: async (bytes) => bytes.length,
  glob: () => [],
  readFile: async (file) => new Uint8Array(await readFile(file)),
  writeFile: async (file, bytes) => writeFile(file, bytes),
  // Documents without a folder of their own are below root:///.
  urlToFilePath: (url) => (url.startsWith("file:") ? fileURLToPath(url) : "/"),
  isAbsolute: (file) => path.isAbsolute(file),
  cwd: () => process.cwd(),
  findConfigFile: (from) => [".taplo.toml", "taplo.toml"].map((name) => path.join(from, name)).find((file) => existsSync(file)),
};
const onMessage = (message) => {
  const text = JSON.stringify(message);
  process.stdout.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
};
const server = await taplo.TaploLsp.initialize(environment, { onMessage });

let waiting = Buffer.alloc(0);
process.stdin.on("data", (data) => {
  waiting = Buffer.concat([waiting, data]);
  for (;;) {
    const end = waiting.indexOf("\r\n\r\n");
    const length = end < 0 ? NaN : Number(/content-length: *(\d+)/i.exec(waiting.toString("latin1", 0, end))?.[1]);
    if (!(waiting.length >= end + 4 + length)) return;
    server.send(JSON.parse(waiting.toString("utf8", end + 4, end + 4 + length)));
    waiting = waiting.subarray(end + 4 + length);
  }
});
process.stdin.on("end", () => process.exit(0));
