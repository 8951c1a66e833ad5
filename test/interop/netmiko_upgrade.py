"""Logs in as network engineers' scripts do, and upgrades a group. Prints one JSON object of what it saw.

netmiko_upgrade.py HOST PORT USER PASSWORD GROUP TEMPLATE_FOLDER MAC [MAC ...]
"""
import json
import os
import sys
import time

import textfsm
from netmiko import ConnectHandler

host, port, user, password, group, templates = sys.argv[1:7]
macs = sys.argv[7:]


def parsed(template, output):
    with open(os.path.join(templates, template + ".textfsm")) as file:
        table = textfsm.TextFSM(file)
    return [dict(zip(table.header, row)) for row in table.ParseText(output)]


wlc = ConnectHandler(device_type="cisco_wlc", ip=host, port=int(port), username=user, password=password)
seen = {"prompt": wlc.find_prompt()}
for command in (
    ["add"]
    + ["ap add " + mac for mac in macs]
    + ["predownload slave backoff 0.2 0.4", "predownload slave retry-count 30", "predownload enable"]
):
    output = wlc.send_command('config flexconnect group "{}" {}'.format(group, command), expect_string=r">\s*$")
    if output.strip():
        seen.setdefault("unexpected", []).append(output)
seen["wrong"] = wlc.send_command("config flexconnect group", expect_string=r">\s*$")
seen["summary"] = parsed("show_flexconnect_group_summary", wlc.send_command("show flexconnect group summary"))
seen["start"] = wlc.send_command('config flexconnect group "{}" predownload start primary'.format(group), expect_string=r">\s*$")
for _ in range(60):
    text = wlc.send_command("show ap image all")
    rows = parsed("show_ap_image_all", text)
    if len(rows) == len(macs) and all(row["STATUS"] == "Complete" for row in rows):
        break
    time.sleep(0.5)
seen["rows"] = rows
seen["detail"] = wlc.send_command('show flexconnect group detail "{}"'.format(group))
seen["swap"] = wlc.send_command("config ap image swap all", expect_string=r">\s*$")
seen["swapped"] = parsed("show_ap_image_all", wlc.send_command("sh ap im all"))
wlc.disconnect()
print(json.dumps(seen))
