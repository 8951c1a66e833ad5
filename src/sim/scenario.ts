import type { ApEvent } from "../core/ap/contract.js";
import { stateWords } from "../core/controller/activation/activation-state.js";
import type { ControllerEvent } from "../core/controller/events.js";
import type { MachineOrder } from "../core/controller/operator/orders.js";
import type { ApNode } from "./ap-node.js";
import type { Fleet, Happening } from "./fleet.js";
import { checkedFleet, finalFaults } from "./fleet-checks.js";
import { type FleetFault, planFaults } from "./fleet-faults.js";
import { defaultFleet, type FleetOptions } from "./fleet-options.js";

/**
 * Scenario texts: commands, a line of dashes, and the expected transcript.
 *
 *     # comment
 *     fleet aps=3 models=AIR-CAP3702I
 *     start
 *     finish
 *     ----
 *     …
 *
 * Transcripts show what happened to which node in which order, without instants: they state rules, not timing.
 */

/** Runs a scenario. @returns the same text with the transcripts of this code */
export function playScenario(text: string): string {
  const player = new Player();
  const blocks: string[] = [];
  for (const block of text.split(/\n{2,}(?=\S)/)) {
    const [commands = ""] = block.split(/^----$/m);
    const script = commands.trimEnd();
    const lines = script.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
    if (lines.length === 0) blocks.push(script);
    else blocks.push([script, "----", ...lines.flatMap((line) => player.play(line))].join("\n"));
  }
  return `${blocks.join("\n\n")}\n`;
}

type Words = Readonly<Record<string, string>>;

class Player {
  #fleet: Fleet | undefined;
  #faults: FleetFault[] = [];
  #reported = 0;

  play(line: string): readonly string[] {
    const [command = "", ...rest] = line.trim().split(/\s+/);
    const play = commands[command];
    if (play === undefined) throw new SyntaxError(`no command "${command}"; there are ${Object.keys(commands).join(", ")}`);
    const words = Object.fromEntries(rest.filter((word) => word.includes("=")).map((word) => word.split("=") as [string, string]));
    return play(this, words, rest);
  }

  get fleet(): Fleet {
    if (this.#fleet === undefined) throw new SyntaxError("a scenario begins with fleet");
    return this.#fleet;
  }

  newFleet(options: Partial<FleetOptions>): void {
    this.#fleet = checkedFleet(options);
    this.#fleet.setUp();
    this.#reported = this.#fleet.happenings.length;
  }

  /** A fault that strikes in the run that starts next, or at once in one already in progress. */
  plan(fault: FleetFault): void {
    if (this.#fleet?.running) planFaults(this.#fleet, [fault]);
    else this.#faults.push(fault);
  }

  start(order: MachineOrder): readonly string[] {
    const result = this.fleet.order(order);
    planFaults(this.fleet, this.#faults.splice(0));
    return result.ok ? [] : [`refused: ${result.failure.code}`];
  }

  /** What happened since the last transcript: the controller's events in order, then each AP's. */
  story(): readonly string[] {
    const recent = this.fleet.happenings.slice(this.#reported);
    this.#reported = this.fleet.happenings.length;
    const controller = recent
      .filter(({ subject }) => subject === "controller")
      .flatMap(({ event }) => controllerLine(this.fleet, event as ControllerEvent));
    const aps = this.fleet.aps.flatMap((ap) => apStory(ap, recent));
    return [...controller, ...aps];
  }
}

const commands: Readonly<Record<string, (player: Player, words: Words, rest: readonly string[]) => readonly string[]>> = {
  fleet: (player, words) => {
    player.newFleet(fleetOptions(words));
    return [];
  },
  fault: (player, { at, ap, ...words }, [type]) => {
    const moment = at !== undefined && /^\d+$/.test(at) ? Number(at) : (at ?? 0);
    const victim = ap === undefined || ap === "primary" ? "primary" : Number(ap.replace("ap-", "")) - 1;
    const numbers = Object.fromEntries(Object.entries(words).map(([name, value]) => [name, Number(value)]));
    player.plan({ type, at: moment, ap: victim, ...numbers } as unknown as FleetFault);
    return [];
  },
  order: (player, words) => {
    const values = Object.entries(words).map(([name, value]) => [name, value === "yes" ? true : value === "no" ? false : value]);
    return player.start({ group: player.fleet.groupName, ...Object.fromEntries(values) } as MachineOrder);
  },
  start: (player, { release = "primary" }) =>
    player.start({ type: "group-start", group: player.fleet.groupName, release: release as "primary" | "backup" }),
  /** `activate count=2 pause=0 failures=1 canary=ap-02,ap-03` */
  activate: (player, { count = "1", pause = "0", failures = "0", canary }) =>
    player.start({
      type: "group-activate",
      group: player.fleet.groupName,
      batch: { kind: "count", aps: Number(count) },
      pauseSeconds: Number(pause),
      failuresMax: Number(failures),
      ...(canary !== undefined && { canary: canary.split(",") }),
    }),
  abort: (player) => player.start({ type: "group-abort", group: player.fleet.groupName }),
  wait: (player, { seconds = "0" }) => {
    player.fleet.world.runFor(Number(seconds) * 1000);
    return player.story();
  },
  /** Runs until the run has ended and everything has settled. */
  finish: (player) => {
    const ended = player.fleet.finish(86_400_000);
    player.fleet.world.runFor(600_000);
    return [...player.story(), ...(ended ? finalFaults(player.fleet) : ["the run does not end"])];
  },
  show: (player) =>
    player.fleet.rows().map((row) => {
      const words = [row.name, row.role ?? "-", row.status, row.source ?? "-", `tries=${row.retryCount ?? "-"}`];
      const reason = row.failureReason === null || row.failureReason === "none" ? [] : [row.failureReason];
      return [...words, `primary=${row.primaryImage}`, `backup=${row.backupImage}`, ...reason].join(" ");
    }),
  models: (player) =>
    player.fleet
      .group()
      .models.map(({ family, primary, wanCopies, sessionsPeak }) =>
        [family, `primary=${primary?.name ?? "none"}`, `copies=${wanCopies}`, `sessionsPeak=${sessionsPeak}`].join(" "),
      ),
};

function fleetOptions(words: Words): Partial<FleetOptions> {
  const { models, ipv6Aps, lateAps, muteAps, wave2Refetch, fastTransfer, link, loss, ...numbers } = words;
  const indices = (names: string): number[] => names.split(",").map((name) => Number(name.replace("ap-", "")) - 1);
  const lossy =
    loss === undefined ? {} : { wan: { ...defaultFleet.wan, loss: Number(loss) }, lan: { ...defaultFleet.lan, loss: Number(loss) } };
  return {
    ...(models !== undefined && { models: models.split(",") }),
    ...(ipv6Aps !== undefined && { ipv6Aps: indices(ipv6Aps) }),
    ...(lateAps !== undefined && { lateAps: indices(lateAps) }),
    ...(muteAps !== undefined && { muteAps: indices(muteAps) }),
    ...(wave2Refetch !== undefined && { wave2Refetch: wave2Refetch === "yes" }),
    ...(fastTransfer !== undefined && { fastTransfer: fastTransfer === "yes" }),
    ...((link === "clear" || link === "dtls") && { link }),
    ...lossy,
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])),
  };
}

const nameOf = (fleet: Fleet, mac: string): string => fleet.aps.find((ap) => ap.facts.mac === mac)?.facts.name ?? mac;

function controllerLine(fleet: Fleet, event: ControllerEvent): readonly string[] {
  switch (event.type) {
    case "run-started":
      return [`run of the ${event.release} release started`];
    case "run-finished":
      return [`run ended: ${event.state}`];
    case "primary-elected":
      return [`${event.family}: ${nameOf(fleet, event.mac)} is primary (${event.manual ? "manual, " : ""}${event.because})`];
    case "primary-lost":
      return [`${event.family}: ${nameOf(fleet, event.mac)} is primary no more`];
    case "reset-confirmed":
      return [`${nameOf(fleet, event.mac)} is back on ${event.version}`];
    case "activation":
      return [`activation is ${stateWords(event.state)}`];
    case "ap-activated":
      return [`${nameOf(fleet, event.mac)} is active on ${event.version}`];
    case "ap-not-activated":
      return [`${nameOf(fleet, event.mac)} is not active: ${event.reason}`];
    case "reset-unconfirmed":
      return [`${nameOf(fleet, event.mac)} is not back on ${event.version}`];
    default:
      return [];
  }
}

/** `ap-02: initiated, fetching lan, waiting, fetching lan, complete`; a phrase that repeats is counted. */
function apStory(ap: ApNode, recent: readonly Happening[]): readonly string[] {
  const steps: string[] = [];
  for (const { subject, event } of recent) {
    if (subject !== ap.facts.name) continue;
    const step = apStep(event as ApEvent);
    if (step !== undefined && step !== steps.at(-1)) steps.push(step);
  }
  return steps.length === 0 ? [] : [`${ap.facts.name}: ${counted(steps).join(", ")}`];
}

function apStep(event: ApEvent): string | undefined {
  switch (event.name) {
    case "booted":
      return `booted ${event.version}`;
    case "swapped":
      return "swapped";
    case "rolled-back":
      return "rolled back";
    case "order":
      return event.order.role;
    case "order-refused":
      return `refused (${event.reason})`;
    case "run": {
      const { state, path, reason } = event.progress;
      const why = reason === "none" ? "" : ` (${reason})`;
      return state === "fetching" ? `fetching ${path}` : `${state}${state === "waiting" ? "" : why}`;
    }
    default:
      return undefined;
  }
}

/** Two steps in turn, more than twice, become one with a count. */
function counted(steps: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (let index = 0; index < steps.length; ) {
    let times = 1;
    const [one, two] = [steps[index] as string, steps[index + 1]];
    while (two !== undefined && steps[index + 2 * times] === one && steps[index + 2 * times + 1] === two) times++;
    if (times > 1) {
      lines.push(`(${one}, ${two}) × ${times}`);
      index += 2 * times;
    } else {
      lines.push(one);
      index++;
    }
  }
  return lines;
}
