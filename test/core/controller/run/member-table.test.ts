/**
 * Every situation of an AP in a run against everything that can happen to it: its part in the run afterwards, as it is stored, then
 * what APs are told. A happening that is not listed leaves all as it was.
 */
import t from "tap";
import { events, type Happening, outcome, type Situation, situations, stored, whileAway } from "../../../support/run-situations.js";

interface Outcomes {
  readonly before: string;
  readonly after: Readonly<Record<string, readonly Happening[]>>;
}

const table: Readonly<Record<Situation, Outcomes>> = {
  "in no run": {
    before: "nothing",
    after: {
      "nothing => 2 subordinate from 10.0.0.1": ["silence: reminder"],
      "nothing => 2 subordinate from 10.0.0.1, 2 abort": ["silence: absent"],
      "nothing => 1 abort, 2 abort": ["group aborts"],
    },
  },
  "primary queued": {
    before: "primary queued | running, primary 1",
    after: {
      "primary complete | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": [
        "complete over the WAN",
        "complete over the LAN",
      ],
      "primary queued | running, primary 1 => 9 fallback": ["silence: reminder"],
      "primary ordered | running, primary 1 => 9 fallback, 9 abort, 1 primary, 1 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 2 => 1 abort": ["taken out"],
      "primary aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  "primary queued, away": {
    before: "primary queued | running, primary 1",
    after: {
      "subordinate pending | running, primary 2": ["silence: grace"],
      "subordinate failed (ap-lost) | running, primary 2 => 9 fallback, 9 abort, 2 primary, 2 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 2 => 1 abort": ["taken out"],
      "primary aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  "primary queued, back": {
    before: "primary queued | running, primary 1",
    after: {
      "primary complete | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": [
        "complete over the WAN",
        "complete over the LAN",
      ],
      "primary queued | running, primary 1 => 9 fallback": ["silence: reminder"],
      "primary ordered | running, primary 1 => 9 fallback, 9 abort, 1 primary, 1 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 2 => 1 abort": ["taken out"],
      "primary aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  "primary ordered": {
    before: "primary ordered | running, primary 1",
    after: {
      "primary complete | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": [
        "answers already present",
        "complete over the WAN",
        "complete over the LAN",
      ],
      "subordinate pending failed 1 | running, primary 2 => 2 primary": ["refuses, busy", "WAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | running, primary 2 => 2 primary": ["refuses for good"],
      "primary active | running, primary 1": ["fetches over the WAN", "fetches over the LAN", "waits"],
      "primary ordered failed 1 | running, primary 1 => 1 primary": ["WAN transfer breaks off"],
      "subordinate failed (flash-write-error) failed 1 | running, primary 2 => 2 primary": ["fails for good"],
      "subordinate failed (aborted) failed 1 | running, primary 2 => 2 primary": ["aborts by itself"],
      "primary ordered | running, primary 1 => 1 primary": ["silence: reminder"],
      "subordinate failed (ap-lost) | running, primary 2 => 1 primary, 1 abort, 2 primary, 2 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 2 => 1 abort, 2 primary": ["taken out"],
      "primary aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  "primary fetching": {
    before: "primary active | running, primary 1",
    after: {
      "primary complete | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": [
        "answers already present",
        "complete over the WAN",
        "complete over the LAN",
      ],
      "subordinate pending failed 1 | running, primary 2 => 2 primary": ["refuses, busy", "WAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | running, primary 2 => 2 primary": ["refuses for good"],
      "primary ordered failed 1 | running, primary 1 => 1 primary": ["WAN transfer breaks off"],
      "subordinate failed (flash-write-error) failed 1 | running, primary 2 => 2 primary": ["fails for good"],
      "subordinate failed (aborted) failed 1 | running, primary 2 => 2 primary": ["aborts by itself"],
      "primary active | running, primary 1 => 1 primary": ["silence: reminder"],
      "subordinate failed (ap-lost) | running, primary 2 => 1 primary, 1 abort, 2 primary, 2 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 2 => 1 abort, 2 primary": ["taken out"],
      "primary aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  "primary fetching, away": {
    before: "primary active | running, primary 1",
    after: {
      "subordinate pending | running, primary 2 => 2 primary": ["silence: grace"],
      "subordinate failed (ap-lost) | running, primary 3 => 2 primary, 2 primary, 2 abort, 3 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 2 => 1 abort, 2 primary": ["taken out"],
      "primary aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  "primary fetching, back": {
    before: "primary active | running, primary 1",
    after: {
      "primary complete | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": [
        "answers already present",
        "complete over the WAN",
        "complete over the LAN",
      ],
      "subordinate pending failed 1 | running, primary 2 => 2 primary": ["refuses, busy", "WAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | running, primary 2 => 2 primary": ["refuses for good"],
      "primary ordered | running, primary 1 => 1 primary": [
        "fetches over the WAN",
        "fetches over the LAN",
        "waits",
        "out of tries",
        "silence: resync",
        "silence: grace",
        "silence: reminder",
      ],
      "primary ordered failed 1 | running, primary 1 => 1 primary": ["WAN transfer breaks off"],
      "subordinate failed (flash-write-error) failed 1 | running, primary 2 => 2 primary": ["fails for good"],
      "subordinate failed (aborted) failed 1 | running, primary 2 => 2 primary": ["aborts by itself"],
      "subordinate failed (ap-lost) | running, primary 2 => 1 primary, 1 primary, 1 abort, 2 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 2 => 1 abort, 2 primary": ["taken out"],
      "primary aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  "primary told to serve": {
    before: "primary ordered | running, primary 1",
    after: {
      "primary complete | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": [
        "answers already present",
        "complete over the WAN",
        "complete over the LAN",
      ],
      "subordinate pending failed 1 | running, primary 2 => 2 primary": ["refuses, busy", "WAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | running, primary 2 => 2 primary": ["refuses for good"],
      "primary active | running, primary 1": ["fetches over the WAN", "fetches over the LAN", "waits"],
      "primary ordered failed 1 | running, primary 1 => 1 primary": ["WAN transfer breaks off"],
      "subordinate failed (flash-write-error) failed 1 | running, primary 2 => 2 primary": ["fails for good"],
      "subordinate failed (aborted) failed 1 | running, primary 2 => 2 primary": ["aborts by itself"],
      "primary ordered | running, primary 1 => 1 primary": ["silence: reminder"],
      "subordinate failed (ap-lost) | running, primary 2 => 1 primary, 1 abort, 2 primary, 2 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 2 => 1 abort, 2 primary": ["taken out"],
      "primary aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  "primary serving": {
    before: "primary complete | running, primary 1",
    after: {
      "primary complete | running, primary 1 => 1 primary": ["joins", "joins with the image"],
      "primary complete | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "primary complete | partial, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1, 2 abort, 3 abort": [
        "silence: absent",
      ],
      "primary complete | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  "primary serving, away": {
    before: "primary complete | running, primary 1",
    after: {
      "primary complete | running, primary 1 => 1 primary": ["joins", "joins with the image"],
      "subordinate complete | running, primary 2 => 2 primary": ["silence: grace"],
      "subordinate complete | running, primary 3 => 2 primary, 2 primary, 2 abort, 3 primary": ["silence: absent"],
      "primary complete | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  "primary serving, back": {
    before: "primary complete | running, primary 1",
    after: {
      "primary ordered | running, primary 1": ["answers success"],
      "subordinate complete | running, primary 2 => 2 primary": ["refuses, busy", "refuses for good"],
      "primary complete | running, primary 1 => 1 primary": ["joins", "joins with the image"],
      "primary complete | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "primary complete | partial, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1, 2 abort, 3 abort": [
        "silence: absent",
      ],
      "primary complete | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  "only candidate": {
    before: "primary active | running, primary 1",
    after: {
      "primary complete | complete, primary 1": ["answers already present", "complete over the WAN", "complete over the LAN"],
      "primary ordered failed 1 | running, primary 1 => 1 primary": ["refuses, busy", "WAN transfer fails", "WAN transfer breaks off"],
      "subordinate failed (wrong-family) failed 1 | failed, primary none": ["refuses for good"],
      "subordinate failed (flash-write-error) failed 1 | failed, primary none": ["fails for good"],
      "subordinate failed (aborted) failed 1 | failed, primary none": ["aborts by itself"],
      "primary active | running, primary 1 => 1 primary": ["silence: reminder"],
      "subordinate failed (ap-lost) | failed, primary none => 1 primary, 1 abort": ["silence: absent"],
      "subordinate aborted (aborted) | aborted, primary none => 1 abort": ["taken out"],
      "primary aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  pending: {
    before: "subordinate pending | running, primary 1",
    after: {
      "subordinate complete | running, primary 1": ["complete over the WAN", "complete over the LAN"],
      "subordinate pending | running, primary 1 => 1 primary": ["silence: reminder"],
      "primary ordered | running, primary 2 => 1 primary, 1 abort, 2 primary, 2 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 1": ["taken out"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  "pending, away": {
    before: "subordinate pending | running, primary 1",
    after: {
      "subordinate failed (ap-lost) | running, primary 3 => 1 primary, 1 abort, 3 primary, 3 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 1": ["taken out"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort": ["group aborts"],
    },
  },
  ordered: {
    before: "subordinate ordered of 1 | running, primary 1",
    after: {
      "subordinate complete | running, primary 1": ["answers already present", "complete over the WAN", "complete over the LAN"],
      "subordinate ordered of 1 failed 1 | running, primary 1 => 2 subordinate from 10.0.0.1": ["refuses, busy", "LAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | running, primary 1": ["refuses for good"],
      "subordinate active of 1 | running, primary 1": ["fetches over the WAN", "fetches over the LAN", "waits"],
      "fallback ordered fallbacks 1 | running, primary 1 => 2 fallback": ["out of tries"],
      "subordinate failed (flash-write-error) failed 1 | running, primary 1": ["fails for good"],
      "subordinate failed (aborted) failed 1 | running, primary 1": ["aborts by itself"],
      "subordinate ordered of 1 | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "subordinate failed (ap-lost) | partial, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1, 2 abort, 3 abort": [
        "silence: absent",
      ],
      "subordinate aborted (aborted) | running, primary 1 => 2 abort": ["taken out"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  fetching: {
    before: "subordinate active of 1 | running, primary 1",
    after: {
      "subordinate complete | running, primary 1": ["answers already present", "complete over the WAN", "complete over the LAN"],
      "subordinate ordered of 1 failed 1 | running, primary 1 => 2 subordinate from 10.0.0.1": ["refuses, busy", "LAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | running, primary 1": ["refuses for good"],
      "fallback ordered fallbacks 1 | running, primary 1 => 2 fallback": ["out of tries"],
      "subordinate failed (flash-write-error) failed 1 | running, primary 1": ["fails for good"],
      "subordinate failed (aborted) failed 1 | running, primary 1": ["aborts by itself"],
      "subordinate active of 1 | running, primary 1 => 3 subordinate from 10.0.0.1, 2 subordinate from 10.0.0.1": ["silence: reminder"],
      "subordinate failed (ap-lost) | partial, primary 1 => 3 subordinate from 10.0.0.1, 2 subordinate from 10.0.0.1, 3 abort, 2 abort": [
        "silence: absent",
      ],
      "subordinate aborted (aborted) | running, primary 1 => 2 abort": ["taken out"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  "fetching, away": {
    before: "subordinate active of 1 | running, primary 1",
    after: {
      "subordinate failed (ap-lost) | partial, primary 1 => 3 subordinate from 10.0.0.1, 3 abort": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 1 => 2 abort": ["taken out"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  "fetching, back": {
    before: "subordinate active of 1 | running, primary 1",
    after: {
      "subordinate complete | running, primary 1": ["answers already present", "complete over the WAN", "complete over the LAN"],
      "subordinate ordered of 1 failed 1 | running, primary 1 => 2 subordinate from 10.0.0.1": ["refuses, busy", "LAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | running, primary 1": ["refuses for good"],
      "fallback ordered fallbacks 1 | running, primary 1 => 2 fallback": ["out of tries"],
      "subordinate failed (flash-write-error) failed 1 | running, primary 1": ["fails for good"],
      "subordinate failed (aborted) failed 1 | running, primary 1": ["aborts by itself"],
      "subordinate ordered of 1 | running, primary 1 => 2 subordinate from 10.0.0.1": ["silence: resync", "silence: grace"],
      "subordinate ordered of 1 | running, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "subordinate failed (ap-lost) | partial, primary 1 => 2 subordinate from 10.0.0.1, 3 subordinate from 10.0.0.1, 2 subordinate from 10.0.0.1, 3 abort, 2 abort":
        ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 1 => 2 abort": ["taken out"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  waiting: {
    before: "subordinate active of 1 | running, primary 1",
    after: {
      "subordinate complete | running, primary 1": ["answers already present", "complete over the WAN", "complete over the LAN"],
      "subordinate ordered of 1 failed 1 | running, primary 1 => 2 subordinate from 10.0.0.1": ["refuses, busy", "LAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | running, primary 1": ["refuses for good"],
      "fallback ordered fallbacks 1 | running, primary 1 => 2 fallback": ["out of tries"],
      "subordinate failed (flash-write-error) failed 1 | running, primary 1": ["fails for good"],
      "subordinate failed (aborted) failed 1 | running, primary 1": ["aborts by itself"],
      "subordinate active of 1 | running, primary 1 => 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "subordinate failed (ap-lost) | partial, primary 1 => 3 subordinate from 10.0.0.1, 2 subordinate from 10.0.0.1, 3 abort, 2 abort": [
        "silence: absent",
      ],
      "subordinate aborted (aborted) | running, primary 1 => 2 abort": ["taken out"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  reminded: {
    before: "subordinate ordered of 1 | running, primary 1",
    after: {
      "subordinate complete | complete, primary 1": ["answers already present", "complete over the WAN", "complete over the LAN"],
      "subordinate ordered of 1 failed 1 | running, primary 1 => 2 subordinate from 10.0.0.1": ["refuses, busy", "LAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | partial, primary 1": ["refuses for good"],
      "subordinate active of 1 | running, primary 1": ["fetches over the WAN", "fetches over the LAN", "waits"],
      "fallback ordered fallbacks 1 | running, primary 1 => 2 fallback": ["out of tries"],
      "subordinate failed (flash-write-error) failed 1 | partial, primary 1": ["fails for good"],
      "subordinate failed (aborted) failed 1 | partial, primary 1": ["aborts by itself"],
      "subordinate failed (ap-lost) | partial, primary 1 => 2 abort": ["silence: reminder", "silence: absent"],
      "subordinate aborted (aborted) | partial, primary 1 => 2 abort": ["taken out"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort, 2 abort": ["group aborts"],
    },
  },
  "fetching from an absent primary": {
    before: "subordinate active of 1 | running, primary 1",
    after: {
      "subordinate complete | running, primary 1": ["answers already present", "complete over the WAN", "complete over the LAN"],
      "subordinate pending failed 1 | running, primary 1": ["refuses, busy", "LAN transfer fails"],
      "subordinate failed (wrong-family) failed 1 | running, primary 1": ["refuses for good"],
      "subordinate pending | running, primary 1": ["out of tries"],
      "subordinate failed (flash-write-error) failed 1 | running, primary 1": ["fails for good"],
      "subordinate failed (aborted) failed 1 | running, primary 1": ["aborts by itself"],
      "primary ordered | running, primary 2 => 2 primary": ["silence: reminder"],
      "subordinate failed (ap-lost) | running, primary 3 => 2 primary, 2 primary, 2 abort, 3 primary": ["silence: absent"],
      "subordinate aborted (aborted) | running, primary 1 => 2 abort": ["taken out"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  "fallback queued": {
    before: "fallback queued fallbacks 1 | running, primary 1",
    after: {
      "fallback complete fallbacks 1 | running, primary 1": ["complete over the WAN", "complete over the LAN"],
      "fallback queued fallbacks 1 | running, primary 1 => 3 fallback": ["silence: reminder"],
      "fallback ordered fallbacks 1 | running, primary 1 => 3 fallback, 3 abort, 2 fallback, 2 fallback": ["silence: absent"],
      "fallback aborted (aborted) fallbacks 1 | running, primary 1": ["taken out"],
      "fallback aborted (aborted) fallbacks 1 | aborted, primary 1 => 1 abort, 3 abort": ["group aborts"],
    },
  },
  "fallback queued, back": {
    before: "fallback queued fallbacks 1 | running, primary 1",
    after: {
      "fallback complete fallbacks 1 | running, primary 1": ["complete over the WAN", "complete over the LAN"],
      "fallback queued fallbacks 1 | running, primary 1 => 3 fallback": ["silence: reminder"],
      "fallback ordered fallbacks 1 | running, primary 1 => 3 fallback, 3 abort, 2 fallback, 2 fallback": ["silence: absent"],
      "fallback aborted (aborted) fallbacks 1 | running, primary 1": ["taken out"],
      "fallback aborted (aborted) fallbacks 1 | aborted, primary 1 => 1 abort, 3 abort": ["group aborts"],
    },
  },
  "fallback ordered": {
    before: "fallback ordered fallbacks 1 | running, primary 1",
    after: {
      "fallback active fallbacks 1 | running, primary 1": ["fetches over the WAN", "fetches over the LAN", "waits"],
      "fallback complete fallbacks 1 | running, primary 1": ["complete over the WAN", "complete over the LAN"],
      "fallback ordered failed 1 fallbacks 1 | running, primary 1 => 2 fallback": ["WAN transfer fails", "WAN transfer breaks off"],
      "fallback failed (flash-write-error) failed 1 fallbacks 1 | running, primary 1": ["fails for good"],
      "fallback failed (aborted) failed 1 fallbacks 1 | running, primary 1": ["aborts by itself"],
      "fallback ordered fallbacks 1 | running, primary 1 => 3 subordinate from 10.0.0.1, 2 fallback": ["silence: reminder"],
      "fallback failed (ap-lost) fallbacks 1 | partial, primary 1 => 3 subordinate from 10.0.0.1, 2 fallback, 3 abort, 2 abort": [
        "silence: absent",
      ],
      "fallback aborted (aborted) fallbacks 1 | running, primary 1 => 2 abort": ["taken out"],
      "fallback aborted (aborted) fallbacks 1 | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  "fallback fetching": {
    before: "fallback active fallbacks 1 | running, primary 1",
    after: {
      "fallback complete fallbacks 1 | running, primary 1": ["complete over the WAN", "complete over the LAN"],
      "fallback ordered failed 1 fallbacks 1 | running, primary 1 => 2 fallback": ["WAN transfer fails", "WAN transfer breaks off"],
      "fallback failed (flash-write-error) failed 1 fallbacks 1 | running, primary 1": ["fails for good"],
      "fallback failed (aborted) failed 1 fallbacks 1 | running, primary 1": ["aborts by itself"],
      "fallback active fallbacks 1 | running, primary 1 => 3 subordinate from 10.0.0.1, 2 fallback": ["silence: reminder"],
      "fallback failed (ap-lost) fallbacks 1 | partial, primary 1 => 3 subordinate from 10.0.0.1, 2 fallback, 3 abort, 2 abort": [
        "silence: absent",
      ],
      "fallback aborted (aborted) fallbacks 1 | running, primary 1 => 2 abort": ["taken out"],
      "fallback aborted (aborted) fallbacks 1 | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  "fallback fetching, back": {
    before: "fallback active fallbacks 1 | running, primary 1",
    after: {
      "fallback ordered fallbacks 1 | running, primary 1 => 2 fallback": [
        "fetches over the WAN",
        "fetches over the LAN",
        "waits",
        "out of tries",
        "silence: resync",
        "silence: grace",
      ],
      "fallback complete fallbacks 1 | running, primary 1": ["complete over the WAN", "complete over the LAN"],
      "fallback ordered failed 1 fallbacks 1 | running, primary 1 => 2 fallback": ["WAN transfer fails", "WAN transfer breaks off"],
      "fallback failed (flash-write-error) failed 1 fallbacks 1 | running, primary 1": ["fails for good"],
      "fallback failed (aborted) failed 1 fallbacks 1 | running, primary 1": ["aborts by itself"],
      "fallback ordered fallbacks 1 | running, primary 1 => 2 fallback, 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "fallback failed (ap-lost) fallbacks 1 | partial, primary 1 => 2 fallback, 3 subordinate from 10.0.0.1, 2 fallback, 3 abort, 2 abort":
        ["silence: absent"],
      "fallback aborted (aborted) fallbacks 1 | running, primary 1 => 2 abort": ["taken out"],
      "fallback aborted (aborted) fallbacks 1 | aborted, primary 1 => 1 abort, 2 abort, 3 abort": ["group aborts"],
    },
  },
  "over the WAN alone": {
    before: "fallback active fallbacks 1 | running, primary none",
    after: {
      "fallback complete fallbacks 1 | complete, primary none": [
        "answers already present",
        "complete over the WAN",
        "complete over the LAN",
      ],
      "fallback ordered failed 1 fallbacks 1 | running, primary none => 2 fallback": [
        "refuses, busy",
        "WAN transfer fails",
        "WAN transfer breaks off",
      ],
      "fallback failed (wrong-family) failed 1 fallbacks 1 | failed, primary none": ["refuses for good"],
      "fallback failed (flash-write-error) failed 1 fallbacks 1 | failed, primary none": ["fails for good"],
      "fallback failed (aborted) failed 1 fallbacks 1 | failed, primary none": ["aborts by itself"],
      "fallback active fallbacks 1 | running, primary none => 2 fallback": ["silence: reminder"],
      "fallback failed (ap-lost) fallbacks 1 | failed, primary none => 2 fallback, 2 abort": ["silence: absent"],
      "fallback aborted (aborted) fallbacks 1 | aborted, primary none => 2 abort": ["taken out"],
    },
  },
  complete: {
    before: "subordinate complete | running, primary 1",
    after: {
      "subordinate complete | running, primary 1 => 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "subordinate complete | partial, primary 1 => 3 subordinate from 10.0.0.1, 3 abort": ["silence: absent"],
      "subordinate complete | aborted, primary 1 => 1 abort, 3 abort": ["group aborts"],
    },
  },
  failed: {
    before: "subordinate failed (not-enough-flash) failed 1 | running, primary 1",
    after: {
      "subordinate failed (not-enough-flash) failed 1 | running, primary 1 => 2 abort": [
        "fetches over the WAN",
        "fetches over the LAN",
        "waits",
        "out of tries",
      ],
      "subordinate complete failed 1 | running, primary 1": ["complete over the WAN", "complete over the LAN"],
      "subordinate failed (not-enough-flash) failed 1 | running, primary 1 => 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "subordinate failed (not-enough-flash) failed 1 | partial, primary 1 => 3 subordinate from 10.0.0.1, 3 abort": ["silence: absent"],
      "subordinate failed (not-enough-flash) failed 1 | aborted, primary 1 => 1 abort, 3 abort": ["group aborts"],
    },
  },
  lost: {
    before: "subordinate failed (ap-lost) | running, primary 1",
    after: {
      "subordinate ordered of 1 | running, primary 1 => 2 subordinate from 10.0.0.1": [
        "fetches over the WAN",
        "fetches over the LAN",
        "waits",
        "out of tries",
        "LAN transfer fails",
        "WAN transfer fails",
        "WAN transfer breaks off",
        "fails for good",
        "aborts by itself",
        "joins",
        "joins with the image",
      ],
      "subordinate complete | running, primary 1": ["complete over the WAN", "complete over the LAN"],
      "subordinate failed (ap-lost) | running, primary 1 => 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "subordinate failed (ap-lost) | partial, primary 1 => 3 subordinate from 10.0.0.1, 3 abort": ["silence: absent"],
      "subordinate failed (ap-lost) | aborted, primary 1 => 1 abort, 3 abort": ["group aborts"],
    },
  },
  "lost, away": {
    before: "subordinate failed (ap-lost) | running, primary 1",
    after: {
      "subordinate ordered of 1 | running, primary 1 => 2 subordinate from 10.0.0.1": ["joins", "joins with the image"],
      "subordinate failed (ap-lost) | partial, primary 1 => 3 subordinate from 10.0.0.1, 3 abort": ["silence: absent"],
      "subordinate failed (ap-lost) | aborted, primary 1 => 1 abort, 3 abort": ["group aborts"],
    },
  },
  aborted: {
    before: "subordinate aborted (aborted) | running, primary 1",
    after: {
      "subordinate aborted (aborted) | running, primary 1 => 2 abort": [
        "fetches over the WAN",
        "fetches over the LAN",
        "waits",
        "out of tries",
      ],
      "subordinate complete | running, primary 1": ["complete over the WAN", "complete over the LAN"],
      "subordinate aborted (aborted) | running, primary 1 => 3 subordinate from 10.0.0.1": ["silence: reminder"],
      "subordinate aborted (aborted) | partial, primary 1 => 3 subordinate from 10.0.0.1, 3 abort": ["silence: absent"],
      "subordinate aborted (aborted) | aborted, primary 1 => 1 abort, 3 abort": ["group aborts"],
    },
  },
  unsupported: {
    before: "subordinate unsupported | running, primary 1 none",
    after: {
      "subordinate unsupported | running, primary 1 none => 3 abort": [
        "fetches over the WAN",
        "fetches over the LAN",
        "waits",
        "out of tries",
      ],
      "subordinate unsupported | running, primary 1 none => 1 primary": ["silence: reminder"],
      "subordinate unsupported | running, primary 2 none => 1 primary, 1 abort, 2 primary, 2 primary": ["silence: absent"],
      "subordinate unsupported | aborted, primary 1 none => 1 abort": ["group aborts"],
    },
  },
  "in a run that ended": { before: "primary complete | complete, primary 1", after: {} },
};

t.test("situations and happenings", async (t) => {
  for (const situation of Object.keys(situations) as Situation[]) {
    const make = situations[situation];
    const { before, after } = table[situation];
    t.equal(stored(make()), before, situation);
    for (const happening of Object.keys(events) as Happening[]) {
      if (situation.endsWith(", away") && !whileAway.has(happening)) continue;
      const [expected = before] = Object.entries(after).find(([, happenings]) => happenings.includes(happening)) ?? [];
      t.equal(outcome(make, events[happening]), expected, `${situation}: ${happening}`);
    }
  }
});
