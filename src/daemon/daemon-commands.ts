/** `flexup controller`, `ap` and `demo`. What they need is loaded when they run: an operator's command is to start without it. */
import type { Command as Program } from "commander";
import { bitRate } from "../cli/commands/tftp.js";
import type { ApOptions } from "./ap-config.js";
import type { ControllerOptions } from "./controller-config.js";

type Done = (code: number) => void;

export function registerDaemonCommands(program: Program, done: Done): void {
  registerController(program, done);
  registerAp(program, done);
}

export function registerDemoCommand(program: Program, done: Done): void {
  program
    .command("demo")
    .description("upgrade a branch of twelve APs on this machine, in under a minute")
    .action(async () => {
      const { runDemo } = await import("./demo/demo.js");
      const wrong = await runDemo().catch((error: Error) => [error.message]);
      for (const line of wrong) process.stderr.write(`${line}\n`);
      done(wrong.length === 0 ? 0 : 1);
    });
}

function registerController(program: Program, done: Done): void {
  program
    .command("controller")
    .description("run a controller")
    .option("--data <folder>", "its data folder: settings, state, images")
    .option("--listen <address:port>", "where APs reach it by CAPWAP (default 0.0.0.0:5246; port 0: any)")
    .option("--admin <address:port>", "where operators reach it by HTTP (default 127.0.0.1:8080; port 0: any)")
    .option("--platform <platform>", "5508 (25 APs a group), 7510 (100), default (100) or unlimited")
    .option("--wan-rate <rate>", "most bytes per second of all WAN transfers together, such as 2M or 500k (default: no cap)")
    .option("--ssh <address:port>", "a shell for operators over SSH, such as 0.0.0.0:2222 (default: none)")
    .option("--tls-cert <file>", "certificate of the admin API, PEM")
    .option("--tls-key <file>", "its private key, PEM")
    .option("--peer <url>", "admin URL of the other controller, which must hold the same images")
    .option("--peer-token-file <file>", "an API token of the role read-only there (or FLEXUP_PEER_TOKEN)")
    .option("--peer-cert <file>", "its self-signed certificate or its authority's, PEM")
    .option("--trust-root <file>", "root.json: accept only images signed under it")
    .option("--dtls <mode>", "require, or off to send everything in clear (default: require; off with --lab on loopback)")
    .option("--join-token-file <file>", "a secret of all APs, for labs: an AP's key is derived from it and its MAC address")
    .option("--dtls-cert <file>", "certificate for the DTLS links of APs, PEM")
    .option("--dtls-key <file>", "its private key, PEM")
    .option("--dtls-ca <file>", "the authorities of the APs' certificates, PEM")
    .option("--dtls-crl <file>", "revocation lists of these authorities, PEM")
    .option("--lab", "allow back-off below 100 s, judge silence sooner, and need no login on loopback")
    .option("--log <level>", "fatal, error, warn, info, debug, trace or silent")
    .option("--config <file>", "YAML file with these options and more (docs/configuration.md)")
    .action(async (options: ControllerOptions) => {
      const [{ runController }, { Controller }] = await Promise.all([
        import("./controller.js"),
        import("../core/controller/controller.js"),
      ]);
      done(await runController(options, (config) => new Controller(config)));
    });
}

function registerAp(program: Program, done: Done): void {
  program
    .command("ap")
    .description("run an AP")
    .option("--data <folder>", "its data folder: image slots, boot record, state")
    .option("--name <name>", "its name")
    .option("--mac <address>", "its MAC address")
    .option("--model <model>", "its model, e.g. AIR-AP2802I")
    .option(
      "--controller <host:port,...>",
      "its controllers, the preferred one first (default port 5246); without any, DNS, then broadcast",
    )
    .option("--dhcp138 <hex>", "controllers of DHCP option 138 (RFC 5417), as the DHCP client gives it")
    .option("--dhcp43 <hex>", "controllers of DHCP option 43, sub-option f1")
    .option("--dns-domain <domain>", "domain whose DNS names controllers: _capwap-control._udp, CAPWAP-AC, CISCO-CAPWAP-CONTROLLER")
    .option("--bind <address>", "its address (default 0.0.0.0)")
    .option("--tftp-port <port>", "where it serves its image to others (default 69; 0: any)")
    .option("--tftp-rate <bits>", "bits per second of all transfers that it serves, e.g. 20M", bitRate)
    .option("--tftp-advertise <addr:port>", "where others reach its TFTP server through a NAT; best with --tftp-single-port")
    .option("--tftp-single-port", "serve from the listening port, for peers behind NAT")
    .option("--version <version>", "the version that a new AP has in its primary slot")
    .option("--confirm-seconds <seconds>", "how long a new image has to join a controller before the AP goes back (default 300)")
    .option("--on-reset <what>", "restart (default) or exit")
    .option("--flash-bytes <bytes>", "the size of its flash (default: what the disk has)")
    .option("--location <text>", "where it hangs")
    .option("--serial <number>", "its serial number (default: from the MAC address)")
    .option("--metrics <address:port>", "where Prometheus finds /metrics (default: nowhere)")
    .option("--no-fast-transfer", "take images over the WAN the RFC's way alone, block after block")
    .option("--dtls <mode>", "require, or off to send everything in clear (default: require; off with --lab on loopback)")
    .option("--trust-root <file>", "root.json: accept and boot only images signed under it")
    .option("--credential <file>", "its credential, as the controller printed it")
    .option("--join-token-file <file>", "the secret of all APs, for labs")
    .option("--dtls-cert <file>", "its certificate, PEM")
    .option("--dtls-key <file>", "its private key, PEM")
    .option("--dtls-ca <file>", "the authorities of the controllers' certificates, PEM")
    .option("--dtls-crl <file>", "revocation lists of these authorities, PEM")
    .option("--lab", "find and miss controllers within seconds")
    .option("--log <level>", "fatal, error, warn, info, debug, trace or silent")
    .action(async (options: ApOptions) => {
      const { runAp } = await import("./ap.js");
      done(await runAp(options));
    });
}
