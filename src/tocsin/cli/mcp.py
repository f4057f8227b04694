"""Let an assistant ask: a server of the Model Context Protocol on stdin and stdout. Reads only.

Needs the extra `mcp`: pip install 'tocsin[mcp]'. In the assistant's config, the command is `tocsin mcp -c FILE`. A run
may be going on; what it stores is seen within seconds.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

from tocsin.cli._common import ConfigOption, DataDirOption, existing
from tocsin.clock import SystemClock
from tocsin.errors import ConfigError


def command(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    from tocsin import __version__
    from tocsin.runners.assemble import Assembly
    from tocsin.server.opened import opened
    from tocsin.server.tools import INSTRUCTIONS, Tools, all_of
    from tocsin.telemetry import configure_logging

    read = existing(config, data_dir)
    configure_logging("error", as_json=False, redactor=read.redactor)
    server = _server()(name="tocsin", title="Tocsin", instructions=INSTRUCTIONS, version=__version__, log_level="ERROR")
    assembly = Assembly(read, SystemClock())
    with closing(assembly.state()) as state, opened(assembly, state, "", whole=True) as site:
        for tool in all_of(Tools(site)):
            server.add_tool(tool)
        server.run("stdio")


def _server() -> Any:
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError:
        raise ConfigError("`tocsin mcp` needs the extra mcp: pip install 'tocsin[mcp]'") from None
    return MCPServer
