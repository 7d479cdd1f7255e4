"""Verilog in which equal modules appear once.

Amaranth writes a module for every instance, and synthesis treats each of them anew: with 156 modules for the array's elements yosys spends
three quarters of its time on preparing them for ABC one by one. Modules are equal when their texts are, apart from their own name, the
numbers that make names unique in the whole file, the order of the ports in the header, and the sites of blocks: these are taken out of
the text and come back by cell name when the netlist is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MODULE = re.compile(
    r"^(?:\(\*.*\*\)\n)*module (?P<name>\S+)\s*\((?P<ports>[^;]*)\);\n(?P<body>.*?)^endmodule\n", re.M | re.S
)
_SITE = re.compile(
    r'^ *\(\* BEL = "(?P<site>[^"]+)" \*\)\n(?P<line> *\S+ (?:#\(.*?\n *\) )?(?P<instance>\S+) \(\n)', re.M | re.S
)
_INSTANCE = re.compile(
    r"^(?P<head> *)(?P<module>\\top\.\S+)(?P<name> +\S+ \(\n)(?P<pins>.*?)(?P<end>^ *\);\n)", re.M | re.S
)
_NUMBER = re.compile(r"(?P<stem>port\$|signal\$|dump_module\$)(?P<number>\d+)")
_TOP = "\\top."


@dataclass(frozen=True)
class MergedVerilog:
    """A design without copies of modules.

    Attributes:
        text: the Verilog.
        sites: site (nextpnr's BEL) of cells by their names in the flattened netlist.
    """

    text: str
    sites: dict[str, str]


def merge_equal_modules(text: str) -> MergedVerilog:
    """Keep one module of all equal ones in Amaranth's Verilog of a design whose top module is `top`."""
    sites: dict[str, str] = {}
    modules = {match["name"]: match for match in _MODULE.finditer(text)}
    bodies = {name: _without_sites(name, match["body"], sites) for name, match in modules.items()}
    shapes: dict[str, tuple[str, dict[str, int]]] = {}
    # Modules are equal only when their submodules are: the innermost ones are found first.
    while True:
        known: dict[str, tuple[str, dict[str, int]]] = {}
        found: dict[str, tuple[str, dict[str, str]]] = {}
        for name, body in bodies.items():
            if name not in shapes:
                shapes[name] = _canonical(name, modules[name]["ports"], body)
            shape, numbers = shapes[name]
            first = known.setdefault(shape, (name, numbers))
            if first[0] != name:
                # From each unique name of this module to the one that the kept module has in its place.
                kept = {index: token for token, index in first[1].items()}
                found[name] = first[0], {token: kept[index] for token, index in numbers.items()}
        if not found:
            break
        following = {name: _instances(body, found) for name, body in bodies.items() if name not in found}
        shapes = {name: shapes[name] for name, body in following.items() if body == bodies[name]}
        bodies = following
    parts, end = [], 0
    for match in _MODULE.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match["name"] in bodies:
            parts.append(f"module {match['name']} ({match['ports']});\n{bodies[match['name']]}endmodule\n")
    return MergedVerilog("".join([*parts, text[end:]]), sites)


def _without_sites(module: str, body: str, sites: dict[str, str]) -> str:
    def strip(match: re.Match[str]) -> str:
        sites[f"{module.removeprefix(_TOP)}.{match['instance']}"] = match["site"]
        return match["line"]

    return _SITE.sub(strip, body) if "BEL" in body else body


def _canonical(name: str, ports: str, body: str) -> tuple[str, dict[str, int]]:
    """A text that equal modules share, and the number in it of every name that is unique in the file."""
    numbers: dict[str, int] = {}
    header = " ".join(sorted(port.strip() for port in ports.split(",")))

    def renumber(match: re.Match[str]) -> str:
        return f"{match['stem']}{numbers.setdefault(match[0], len(numbers))}"

    return _NUMBER.sub(renumber, f"{header}\n{body}").replace(name + " ", "\\self "), numbers


def _instances(body: str, found: Mapping[str, tuple[str, dict[str, str]]]) -> str:
    def replace(match: re.Match[str]) -> str:
        if match["module"] not in found:
            return match[0]
        module, names = found[match["module"]]
        pins = re.sub(
            r"^( *\.\\?)(\S+?)( ?\()",
            lambda pin: pin[1] + _NUMBER.sub(lambda number: names.get(number[0], number[0]), pin[2]) + pin[3],
            match["pins"],
            flags=re.M,
        )
        return f"{match['head']}{module}{match['name']}{pins}{match['end']}"

    return _INSTANCE.sub(replace, body)
