/** The npm package `tftp` as a process: `serve ADDR PORT DIR` or `get ADDR PORT NAME FILE BLKSIZE WINDOWSIZE`. It has no types and may end its process. */
import { createRequire } from "node:module";

interface NpmTftp {
  createServer(options: object): { on(event: "error" | "listening", listener: (error: Error) => void): void; listen(): void };
  createClient(options: object): { get(remote: string, local: string, done: (error?: Error) => void): void };
}

const tftp = createRequire(import.meta.url)("tftp") as NpmTftp;
const [act, address, port, ...rest] = process.argv.slice(2);

if (act === "serve") {
  const server = tftp.createServer({ host: address, port: Number(port), root: rest[0], denyPUT: true });
  server.on("error", (error) => console.error(error.message));
  server.on("listening", () => console.log("listening"));
  server.listen();
} else {
  const [name, file, blockSize, windowSize] = rest as [string, string, string, string];
  const client = tftp.createClient({ host: address, port: Number(port), blockSize: Number(blockSize), windowSize: Number(windowSize) });
  client.get(name, file, (error) => {
    if (error) console.error(error.message);
    process.exitCode = error ? 1 : 0;
  });
}
