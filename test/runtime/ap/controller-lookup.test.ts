import t from "tap";
import { type ControllerSources, lookUpControllers, type NameService } from "../../../src/runtime/ap/controller-lookup.js";

const hosts: Readonly<Record<string, readonly string[]>> = {
  "wlc.example": ["10.0.0.1", "2001:db8::1"],
  "ac2.branch.example": ["10.0.1.2"],
  "ac1.branch.example": ["10.0.1.1"],
  "CAPWAP-AC.branch.example": ["10.0.1.3"],
  "CISCO-CAPWAP-CONTROLLER": ["10.0.2.1"],
};
const names: NameService = {
  addressesOf: async (host) => hosts[host] ?? Promise.reject(new Error(`no ${host}`)),
  servicesOf: async (name) =>
    name === "_capwap-control._udp.branch.example"
      ? [
          { name: "ac2.branch.example", port: 5300, priority: 20, weight: 1 },
          { name: "ac1.branch.example", port: 5246, priority: 10, weight: 1 },
        ]
      : Promise.reject(new Error("no such service")),
};

const found = async (sources: Partial<ControllerSources>, missing: string[] = []): Promise<string[]> => {
  const controllers = await lookUpControllers({ configured: [], dhcp: [], ...sources }, ({ host }) => missing.push(host), names);
  return controllers.map(({ foundBy, address, port }) => `${foundBy} ${address} ${port}`);
};
const wlc = { host: "wlc.example", port: 5246 };

t.test("configured ones come first, then DHCP's, then those of a domain that is given", async (t) => {
  t.same(await found({ configured: [wlc], dhcp: ["10.0.9.9"], domain: "branch.example" }), [
    "static 10.0.0.1 5246",
    "static 2001:db8::1 5246",
    "dhcp 10.0.9.9 5246",
    "dns 10.0.1.1 5246",
    "dns 10.0.1.2 5300",
    "dns 10.0.1.3 5246",
  ]);
});

t.test("DNS is asked for well-known hosts only where nothing else is given", async (t) => {
  t.same(await found({ dhcp: ["10.0.9.9"] }), ["dhcp 10.0.9.9 5246"]);
  t.same(await found({}), ["dns 10.0.2.1 5246"]);
});

t.test("where nothing is known, whoever hears is asked", async (t) => {
  t.same(await found({ domain: "nowhere.example" }), ["group 255.255.255.255 5246", "group 224.0.1.140 5246"]);
});

t.test("a configured name without address is reported, and no stranger is asked instead", async (t) => {
  const missing: string[] = [];
  t.same(await found({ configured: [{ host: "gone.example", port: 5246 }] }, missing), []);
  t.same(missing, ["gone.example"]);
});
