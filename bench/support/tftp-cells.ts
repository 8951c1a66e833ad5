/** What `bench/tftp.ts` measures: clients with their options, and flexup's servers next to others. */
import { fileURLToPath } from "node:url";
import { type ForeignServer, foreignClients, type GetWish, isAbsent } from "../../test/support/tftp-peers.js";

type Command = (wish: GetWish) => readonly [string, ...string[]];

export interface Cell {
  readonly client: string;
  /** Undefined where the client is not on this machine. */
  readonly command: Command | undefined;
  readonly blksize: number;
  readonly windowsize: number;
}

export const cellName = ({ client, blksize, windowsize }: Cell): string => `${client} ${blksize} w${windowsize}`;

const bin = fileURLToPath(new URL("../../../bin/flexup.js", import.meta.url));

const flexupServer = (name: string, ...more: string[]): ForeignServer => ({
  name,
  version: "",
  windowsize: true,
  command: ({ address, port }, path) => [
    process.execPath,
    bin,
    "tftp",
    "serve",
    path,
    "--listen",
    `${address}:${port}`,
    "--requests-per-second",
    "1000",
    ...more,
  ],
});

export const flexupServers = (): ForeignServer[] => [flexupServer("flexup"), flexupServer("flexup, plain", "--plain")];

const flexupClient: Command = ({ server, name, file, blksize, windowsize }) => [
  process.execPath,
  bin,
  "tftp",
  "get",
  `tftp://${server.address}:${server.port}/${name}`,
  "-o",
  file,
  "--blksize",
  String(blksize),
  "--windowsize",
  String(windowsize),
  "--json",
];

export function tftpCells(): Cell[] {
  const foreign = new Map(foreignClients().map((client) => [client.name, isAbsent(client) ? undefined : client.command]));
  return [
    ...[1428, 8192].map((blksize) => ({ client: "curl", command: foreign.get("curl"), blksize, windowsize: 1 })),
    ...[1, 16, 64].map((windowsize) => ({ client: "atftp", command: foreign.get("atftp"), blksize: 1428, windowsize })),
    ...[16, 64].map((windowsize) => ({ client: "flexup", command: flexupClient, blksize: 1428, windowsize })),
    { client: "flexup", command: flexupClient, blksize: 8192, windowsize: 8 },
  ];
}
