"""Reads and writes TUF metadata with python3-securesystemslib alone: nothing here shares code with flexup.

check BUNDLE          verifies every signature of a bundle and prints what it says as JSON
sign BUNDLE OUT VERSION   re-signs the targets of a bundle with a new release key and root key of its own; prints the new root
"""
import json
import sys

from securesystemslib import keys
from securesystemslib.formats import encode_canonical


def canonical(value):
    return encode_canonical(value).encode("utf-8")


def key_of(root, keyid):
    public = root["keys"][keyid]
    return {"keyid": keyid, "keytype": public["keytype"], "scheme": public["scheme"], "keyval": dict(public["keyval"], private="")}


def signed_by(root, role, metadata):
    wanted = root["roles"][role]
    good = {
        signature["keyid"]
        for signature in metadata["signatures"]
        if signature["keyid"] in wanted["keyids"]
        and keys.verify_signature(key_of(root, signature["keyid"]), signature, canonical(metadata["signed"]))
    }
    return len(good) >= wanted["threshold"]


def check(path):
    with open(path, "rb") as file:
        text = file.read()
    bundle = json.loads(text)
    assert canonical(bundle) == text, "the file is canonical JSON"
    roots = bundle["roots"]
    for before, root in zip([roots[0]] + roots, roots):
        assert signed_by(before["signed"], "root", root) and signed_by(root["signed"], "root", root), "root chain"
    root = roots[-1]["signed"]
    for role in ["targets"] + (["snapshot", "timestamp"] if "timestamp" in bundle else []):
        assert signed_by(root, role, bundle[role]), role
    print(json.dumps(bundle["targets"]["signed"]))


def sign(path, out, version):
    with open(path, "rb") as file:
        bundle = json.loads(file.read())
    made = {role: keys.generate_ed25519_key() for role in ["root", "targets", "freshness"]}
    root = bundle["roots"][0]["signed"]
    public = lambda key: {"keytype": key["keytype"], "scheme": key["scheme"], "keyval": {"public": key["keyval"]["public"]}}
    root["keys"] = {key["keyid"]: public(key) for key in made.values()}
    role = lambda key: {"keyids": [key["keyid"]], "threshold": 1}
    root["roles"] = {
        "root": role(made["root"]),
        "targets": role(made["targets"]),
        "snapshot": role(made["freshness"]),
        "timestamp": role(made["freshness"]),
    }
    targets = bundle["targets"]["signed"]
    targets["version"] = int(version)
    signed = lambda key, body: {"signatures": [keys.create_signature(key, canonical(body))], "signed": body}
    first = signed(made["root"], root)
    with open(out, "wb") as file:
        file.write(canonical({"format": bundle["format"], "roots": [first], "targets": signed(made["targets"], targets)}))
    sys.stdout.write(canonical(first).decode("utf-8"))


if __name__ == "__main__":
    {"check": check, "sign": sign}[sys.argv[1]](*sys.argv[2:])
